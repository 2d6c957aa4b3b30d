import { prunePartitions } from "../../partition/prune/prune-partitions.ts";
import { partitionKeysOf } from "./partition-keys.ts";
import type { Prune } from "./prune.ts";

/** Prune by the tables' partition expressions; a table whose expressions do not bind to its columns is read whole. */
export const pruneByPartition: Prune = (table, filter) => {
  const keys = partitionKeysOf(table);
  if (keys === undefined) {
    return { kept: table.partitions.map((_, i) => i), reason: "its partition key does not fit its columns" };
  }
  return prunePartitions(keys, table.partitions, filter);
};
