import type { Predicate } from "../../predicate/predicate.ts";
import type { CatalogTable } from "../catalog.ts";

/** Which partitions of a table can hold rows that a statement needs. */
export interface Pruned {
  /** Indexes into the table's partitions, ascending. */
  readonly kept: readonly number[];
  /** For EXPLAIN: what led to it. */
  readonly reason: string;
}

/**
 * Decide from the filter on a table which of its partitions may hold matching rows (spec chapter 03, Pruning). Never
 * leaves one out that can.
 */
export type Prune = (table: CatalogTable, filter: Predicate) => Pruned;

/** Reads every partition. */
export const keepAll: Prune = (table) => ({
  kept: table.partitions.map((_, i) => i),
  reason: "no filter on its partition key",
});
