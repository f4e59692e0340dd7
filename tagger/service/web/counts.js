// How many tracks stand where: for the tabs, the tiles and the button that writes.

import { get, query } from "/assets/api.js";
import { TABS } from "/assets/words.js";

const totalOf = async (tab) => (await get("/tracks" + query({ ...TABS[tab][1], limit: 1 }))).total;

// The figures of the library, and with them the tracks of each tab. What a decision moves is
// counted anew: the service may answer with statistics of some seconds ago.
export async function countAll() {
  const [figures, review, accepted, rejected] = await Promise.all([get("/statistics"), totalOf("review"), totalOf("accepted"), totalOf("rejected")]);
  const { by_status, n_tracks } = figures;
  const failed = (by_status.failed || 0) + (by_status.missing || 0);
  return { figures, tabs: { all: n_tracks, review, accepted, unsure: by_status.abstained, rejected, written: by_status.written, failed } };
}
