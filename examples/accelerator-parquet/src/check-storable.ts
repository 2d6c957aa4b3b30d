import { SchemaMismatchError, type SqlColumn } from "@spice-shards/runtime/accelerator";

/** Types that come back from a Parquet file as another type, or with less than went in. */
const changed =
  /\b(U?HUGEINT|BIGNUM|BIT|ENUM|UNION|INTERVAL|TIME_NS|TIMESTAMP_S|TIMESTAMP_MS|TIME WITH TIME ZONE)\b|\[\d+\]/;

/** Throws {@link SchemaMismatchError} for a column whose values Parquet would not keep as they are. */
export function checkStorable(dataset: string, columns: readonly SqlColumn[]): void {
  for (const { name, type } of columns) {
    // Names of struct fields and labels may say anything.
    const found = changed.exec(type.replace(/"[^"]*"|'[^']*'/g, ""));
    if (found === null) continue;
    throw new SchemaMismatchError(
      `Column ${name} of ${dataset} has the type ${type}, which Parquet files do not keep. Cast it by refresh_sql, or use another engine.`,
    );
  }
}
