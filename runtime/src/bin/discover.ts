import type { AppTable } from "../core/app/app.ts";
import { expressionSql, staticBuckets } from "../core/app/partitioning.ts";
import { PartitionValues } from "../core/cluster/partition-values.ts";
import type { Source } from "../ports/source.ts";

export async function discoverPartitions(
  table: AppTable,
  open: () => Promise<Source>,
  signal: AbortSignal,
): Promise<PartitionValues> {
  const [first] = table.partitionBy;
  if (first === undefined) return PartitionValues.single();
  const n = staticBuckets(first);
  if (table.partitionBy.length === 1 && n !== undefined) return PartitionValues.buckets(n, true);
  const source = await open();
  try {
    const rows = await source.distinct(
      table.partitionBy.map((e) => {
        const x = expressionSql(e);
        return { textSql: x.sql, column: x.column };
      }),
      signal,
    );
    return PartitionValues.of(table.partitionBy.length, rows);
  } finally {
    await source.close();
  }
}
