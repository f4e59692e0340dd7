// Requests. What goes wrong arrives as a Problem with a sentence and its remedy.

const ROOT = "/api/v1";

export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", remedy = "" }) {
    super(detail || title || `The service answered ${status}.`);
    Object.assign(this, { status, title, remedy });
  }
}

let onLocked = () => {};

// Whom to tell that a token is needed.
export function whenLocked(call) { onLocked = call; }

export function query(fields) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) pairs.append(name, one);
    }
  }
  const text = pairs.toString();
  return text && "?" + text;
}

async function ask(method, path, { body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(ROOT + path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The service does not answer.", remedy: "See whether it still runs; nothing is lost." });
  }
  if (answer.status === 204) return null;
  if (answer.ok) return answer.json();
  throw await problemOf(answer);
}

export async function problemOf(answer) {
  let fields = {};
  try { fields = await answer.json(); } catch { /* no JSON: the status has to do */ }
  if (answer.status === 401) onLocked();
  return new Problem({ ...fields, status: answer.status });
}

export const get = (path, signal) => ask("GET", path, { signal });
export const post = (path, body = {}) => ask("POST", path, { body });
export const patch = (path, body) => ask("PATCH", path, { body });
export const put = (path, body) => ask("PUT", path, { body });
export const drop = (path) => ask("DELETE", path);
export const address = (path) => ROOT + path;

// Server-sent events of all jobs. A browser connects again by itself where the network failed,
// and gives up where the service answered with an error: then it is asked again from here.
export function watchJobs(onJob, onState) {
  const source = new EventSource(ROOT + "/events");
  source.addEventListener("job", (event) => onJob(JSON.parse(event.data)));
  source.addEventListener("open", () => onState(true));
  source.addEventListener("error", () => onState(false, source.readyState === EventSource.CLOSED));
  return source;
}
