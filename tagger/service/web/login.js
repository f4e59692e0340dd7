// Where the service wants a token: asked for once, kept in a cookie that no script can read.

import { post, whenLocked } from "/assets/api.js";
import { confirmed, tellProblem } from "/assets/dialogs.js";
import { make } from "/assets/dom.js";

let asking = null;

export function startLogin() {
  whenLocked(() => { asking ||= login().finally(() => { asking = null; }); });
}

async function login() {
  const field = make("input", "", undefined, { type: "password", autocomplete: "current-password", id: "token" });
  const label = make("label", "field", "Token");
  label.append(field);
  const content = [make("p", "", "This service is for those who have a token of its token file."), label];
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); field.closest("dialog").close("yes"); } });
  setTimeout(() => field.focus());
  if (!(await confirmed({ title: "Who are you?", content, verb: "Log in" })) || !field.value) return;
  try {
    await post("/session", { token: field.value });
    location.reload();
  } catch (error) { tellProblem({ ...error, message: error.message, name: "", status: 0 }); }
}
