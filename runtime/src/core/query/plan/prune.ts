import type { NeedFilter } from "../bound/table-needs.ts";
import type { CatalogTable } from "../catalog.ts";

/** Which partitions of a table can hold rows that a statement needs. */
export interface Pruned {
  /** Indexes into the table's partitions, ascending. */
  readonly kept: readonly number[];
  /** For EXPLAIN: what led to it. */
  readonly reason: string;
}

/**
 * Decide from the filters on a table which of its partitions may hold matching rows (spec chapter 03, Pruning): one
 * list of conjuncts for each place where the statement scans the table. Never leaves one out that can.
 */
export type Prune = (table: CatalogTable, filters: readonly (readonly NeedFilter[])[]) => Pruned;

/** Reads every partition; none when the statement never scans the table. */
export const keepAll: Prune = (table, filters) =>
  filters.length === 0
    ? { kept: [], reason: "its rows do not matter" }
    : { kept: table.partitions.map((_, i) => i), reason: "no filter on its partition key" };
