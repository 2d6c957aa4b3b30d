import { type BoundPartitionExpression, bindPartitionBy } from "../../partition/expression/bind.ts";
import type { CatalogTable } from "../catalog.ts";

/** Bound once per table of a catalog: queries come more often than catalogs. */
const bound = new WeakMap<CatalogTable, readonly BoundPartitionExpression[] | undefined>();

/** The table's partition expressions; undefined when they do not bind to its columns. */
export function partitionKeysOf(table: CatalogTable): readonly BoundPartitionExpression[] | undefined {
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
