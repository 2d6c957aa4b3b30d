import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { PartitionReport } from "../../core/cluster/membership/messages.ts";

/**
 * What a report calls for: to read the document, because its executor heard of an assignment from another scheduler
 * before this one did; or to look at the moves, because a learner has loaded or failed.
 */
export function dueAfterReport(
  document: ClusterDocument,
  { table, key, epoch, state }: PartitionReport,
): "refresh" | "moves" | undefined {
  const set = document.accelerations[table]?.partitions;
  const index = set?.indexOfKey(key) ?? -1;
  if (set === undefined || index < 0 || epoch > set.epoch(index)) return "refresh";
  return state !== "loading" && set.learners(index).length > 0 ? "moves" : undefined;
}
