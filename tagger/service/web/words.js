// What a status is called, its mark and its tone: never colour alone.

export const STATUSES = {
  new: ["○", "not scanned yet", "--soft"],
  proposed: ["→", "to review", "--blue"],
  written: ["✓", "written", "--green"],
  unchanged: ["=", "same already", "--soft"],
  kept: ["·", "genre kept", "--soft"],
  abstained: ["?", "not sure enough", "--orange"],
  skipped: ["–", "left alone", "--pink"],
  failed: ["✕", "failed", "--red"],
  missing: ["∅", "file is gone", "--red"],
};

export const ACCEPTED = ["✓", "accepted", "--green"];
export const REJECTED = ["✕", "rejected", "--pink"];

export function stateOf(row) {
  if (row.status === "proposed" && row.decision === "accepted") return ACCEPTED;
  if (row.decision === "rejected" && (row.status === "proposed" || row.status === "abstained")) return REJECTED;
  return STATUSES[row.status] || STATUSES.new;
}

// The tabs above the list, and the filter that each stands for.
export const TABS = {
  all: ["All", {}],
  review: ["To review", { status: ["proposed"], decision: ["open"] }],
  accepted: ["Accepted", { status: ["proposed"], decision: ["accepted"] }],
  unsure: ["Not sure", { status: ["abstained"], decision: ["open", "accepted"] }],
  rejected: ["Rejected", { decision: ["rejected"] }],
  written: ["Written", { status: ["written"] }],
  failed: ["Failed", { status: ["failed", "missing"] }],
};

export const SORTS = { folder: "By folder", artist: "By artist", title: "By title", score: "Surest first", added: "Newest first" };

// What a job does while it is under way, and what it was.
export const JOBS = { look: "Looking through", scan: "Scanning", write: "Writing", undo: "Undoing", learn: "Learning from" };
export const PAST_JOBS = { look: "Look through", scan: "Scan of", write: "Write of", undo: "Undo of", learn: "Learning from" };
export const JOB_STATES = {
  queued: ["○", "waiting", "--soft"], running: ["→", "running", "--blue"], done: ["✓", "done", "--green"],
  failed: ["✕", "failed", "--red"], cancelled: ["–", "cancelled", "--pink"],
};

// What a track's decision is after each action.
export const DECISIONS = { accept: "accepted", edit: "accepted", reject: "rejected", reset: "open" };

export const canWrite = (row) => row.status !== "missing" && row.status !== "failed";
export const isOpen = (row) => row.status === "proposed" && row.decision === "open";
export const canReject = (row) => isOpen(row) || (row.status === "abstained" && row.decision === "open");
