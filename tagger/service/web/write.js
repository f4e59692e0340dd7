// Writing: one question that says how many files and what; undoing: another one.

import { post } from "/assets/api.js";
import { confirmed, tell, tellProblem } from "/assets/dialogs.js";
import { listed, make, number, plural } from "/assets/dom.js";

export async function write({ onJob }) {
  try {
    const { preview } = await post("/writes", { dry_run: true });
    if (!preview.n_files) return tell("Nothing is accepted yet.", { remedy: "Accept some proposals first." });
    const n = plural(preview.n_files, "file");
    if (!(await confirmed({ title: `Write ${n}?`, content: listing(preview), verb: `Write ${n}` }))) return;
    const { job } = await post("/writes", {});
    onJob(job);
  } catch (error) { tellProblem(error); }
}

function listing({ n_files, n_library, n_uploads, examples }) {
  const where = [];
  if (n_library) where.push(`${number(n_library)} in the library, changed in place`);
  if (n_uploads) where.push(plural(n_uploads, "upload"));
  const intro = make("p", "", `Only the genre changes: ${where.join("; ")}. Each file is copied, changed, checked and put back whole; the run can be undone.`);
  const table = make("ul", "examples");
  for (const { name, folder, before, after } of examples.slice(0, 8)) {
    const row = make("li"), change = make("span");
    change.append(make("span", "was", listed(before) || "no genre"), " → ", make("span", "now", listed(after)));
    row.append(make("span", "name", name, { title: folder + name }), change);
    table.append(row);
  }
  const parts = [intro, table];
  if (n_files > 8) parts.push(make("p", "quiet", `and ${number(n_files - Math.min(8, examples.length))} more`));
  return parts;
}

export async function undo(run, { onJob }) {
  const n = plural(run.n_written - run.n_undone, "file");
  const content = [make("p", "", `${n} will hold again what ${run.n_written === 1 ? "it" : "they"} held before, to the byte. What was changed since by other programs stays.`)];
  if (!(await confirmed({ title: `Undo this run?`, content, verb: `Undo ${n}` }))) return;
  try { onJob(await post(`/runs/${run.id}/undo`)); } catch (error) { tellProblem(error); }
}
