import { type BoundPartitionExpression, bindPartitionBy } from "../../partition/bind.ts";
import { prunePartitions } from "../../partition/prune/prune-partitions.ts";
import type { CatalogTable } from "../catalog.ts";
import type { Prune } from "./prune.ts";

/** Bound once per table of a catalog: queries come more often than catalogs. */
const bound = new WeakMap<CatalogTable, readonly BoundPartitionExpression[] | undefined>();

/** Prune by the tables' partition expressions; a table whose expressions do not bind to its columns is read whole. */
export const pruneByPartition: Prune = (table, filter) => {
  const keys = keysOf(table);
  if (keys === undefined) {
    return { kept: table.partitions.map((_, i) => i), reason: "its partition key does not fit its columns" };
  }
  return prunePartitions(keys, table.partitions, filter);
};

function keysOf(table: CatalogTable): readonly BoundPartitionExpression[] | undefined {
  if (bound.has(table)) return bound.get(table);
  let keys: readonly BoundPartitionExpression[] | undefined;
  try {
    keys = bindPartitionBy(
      table.partitionBy.map((sql, i) => ({ name: `expr${i}`, sql })),
      table.columns,
    );
  } catch {
    // Discovery reports why; a query only loses the pruning.
    keys = undefined;
  }
  bound.set(table, keys);
  return keys;
}
