import type { ClusterDocument } from "../document/document.ts";

/**
 * False when `found`, a document of a later revision, lacks a write that `known` has: then it did not come from
 * `known` but from an older version that was put back and written to since.
 *
 * Some numbers only grow along a line of writes: each scheduler instance's count of its writes, each table's revision,
 * the count of departures. The scheduler whose write is missing never writes on without it, so its number stays
 * behind as long as its entry is there.
 */
export function continues(known: ClusterDocument, found: ClusterDocument): boolean {
  if ((found.departures ?? 0) < (known.departures ?? 0)) return false;
  for (const [id, { instance_id, last_write_seq }] of Object.entries(known.schedulers)) {
    const later = found.schedulers[id];
    if (later?.instance_id === instance_id && later.last_write_seq < last_write_seq) return false;
  }
  return Object.entries(known.accelerations).every(([name, { revision }]) => {
    const later = found.accelerations[name];
    return later === undefined || later.revision >= revision;
  });
}
