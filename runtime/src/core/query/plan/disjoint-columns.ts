import type { CatalogTable } from "../catalog.ts";
import { partitionKeysOf } from "./partition-keys.ts";

/** Types whose values are equal exactly when their bytes are: equal values have equal partition values. */
const byBytes = new Set(["integer", "boolean", "varchar", "date", "timestamp", "uuid", "decimal", "blob"]);

/**
 * The columns (in lower case) whose equal values are all on one executor: those of a partition expression each of
 * whose values is served by a single executor in this query. Groups by such a column are never divided.
 *
 * @param executorOf who serves a partition (by its position in the table) in this query; undefined when it is not read.
 */
export function disjointColumns(
  table: CatalogTable,
  executorOf: (partition: number) => string | undefined,
): ReadonlySet<string> {
  const columns = new Set<string>();
  (partitionKeysOf(table) ?? []).forEach((key, position) => {
    if (!byBytes.has(key.column.type.kind)) return;
    const places = new Map<string | null, string>();
    const disjoint = table.partitions.every(({ values }, index) => {
      const executor = executorOf(index);
      if (executor === undefined) return true;
      const value = values[position] ?? null;
      const place = places.get(value);
      places.set(value, executor);
      return place === undefined || place === executor;
    });
    if (disjoint) columns.add(key.column.name.toLowerCase());
  });
  return columns;
}
