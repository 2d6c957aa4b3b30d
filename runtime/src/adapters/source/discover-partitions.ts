import { PartitionValues } from "../../core/cluster/document/partition-values.ts";
import { discoveredPartitions, planDiscovery } from "../../core/partition/discover.ts";
import { bindPartitionBy } from "../../core/partition/expression/bind.ts";
import { canonicalTextSql, duckdbSql } from "../../core/partition/sql/duckdb-sql.ts";
import { sourceSql } from "../../core/partition/sql/source-sql.ts";
import type { Source } from "../../ports/source.ts";

/**
 * The partition values of a table, from its source (spec chapter 03, Discovery): static keys without asking it for
 * data, all others by one query. Throws a PartitionExpressionError for an expression that does not fit the columns,
 * and the source's errors.
 */
export async function discoverPartitions(
  entries: readonly { readonly name: string; readonly expression: string }[],
  source: Source,
  signal: AbortSignal,
): Promise<PartitionValues> {
  if (entries.length === 0) return PartitionValues.single();
  const columns = await source.schema(signal);
  const keys = bindPartitionBy(
    entries.map(({ name, expression }) => ({ name, sql: expression })),
    columns,
  );
  const [only] = keys;
  if (keys.length === 1 && only?.transform.kind === "bucket") {
    return PartitionValues.buckets(only.transform.count, only.nullable);
  }
  const plan = planDiscovery(keys);
  const asked = plan.dynamicKeys.map((i) => {
    const key = keys[i]!;
    const inSource = sourceSql(key);
    return {
      textSql: canonicalTextSql(key, duckdbSql(key)),
      column: key.column.name,
      ...(inSource === undefined || key.type.kind !== "varchar" ? {} : { sourceSql: inSource }),
    };
  });
  const found = asked.length === 0 ? [[]] : await source.distinct(asked, signal);
  return PartitionValues.of(keys.length, discoveredPartitions(keys, plan, found));
}
