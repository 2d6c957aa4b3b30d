import { type ClusterDocument, newDocument } from "../../core/cluster/document/document.ts";
import { PartitionSet } from "../../core/cluster/document/partition-set.ts";
import { PartitionValues } from "../../core/cluster/document/partition-values.ts";

/** Full name of the one table. */
export const shardedTable = "spice.public.t";

/** A document with one table of as many buckets as `owners`; the epoch of an owned partition is 5. */
export function shardedDocument(owners: readonly (string | undefined)[]): ClusterDocument {
  const editor = PartitionSet.fresh(PartitionValues.buckets(owners.length, false)).edit();
  owners.forEach((owner, i) => {
    if (owner !== undefined) editor.assign(i, owner, 5, 0);
  });
  const ids = new Set(owners.filter((owner) => owner !== undefined));
  return {
    ...newDocument("c", 0),
    revision: 5,
    executors: Object.fromEntries([...ids].map((id) => [id, { instance_id: `${id}-1`, state: "active" }])),
    accelerations: {
      [shardedTable]: {
        table_name: shardedTable,
        schema_version: 1,
        revision: 5,
        updated_at: 0,
        discovered_at_ms: 0,
        partition_expressions: [`bucket(${owners.length}, id)`],
        partitions: editor.build(),
      },
    },
  };
}
