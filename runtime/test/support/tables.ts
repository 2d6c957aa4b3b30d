import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";

/**
 * A table with every awkward value that a partition key or an aggregate may meet: nulls, negatives, extremes, empty
 * strings, NaN, leap days. Deterministic.
 */
export const eventsSql = (rows: number): string => `
  SELECT i AS id,
         CASE WHEN i % 97 = 0 THEN NULL ELSE (i * 7919) % 1009 - 500 END::BIGINT AS customer_id,
         CASE WHEN i % 53 = 0 THEN NULL ELSE ['EU', 'US', 'APAC', '', 'a/b=c%'][1 + i % 5] END AS region,
         (i * 31 % 10007)::DECIMAL(15, 2) / 7 AS amount,
         CASE WHEN i % 211 = 0 THEN 'NaN'::DOUBLE ELSE (i * 0.37) % 1000 END AS score,
         TIMESTAMP '2023-12-28 00:00:00' + INTERVAL (i * 37) MINUTE AS created_at,
         (i % 3 = 0) AS flag
  FROM range(${rows}) t(i)`;

/** Write \`eventsSql\` as Parquet, and give one DuckDB that holds the same rows: the truth. */
export async function eventsTable(file: string, rows: number): Promise<Database> {
  const truth = await openDatabase({ threads: 2 });
  await truth.run(`CREATE TABLE events AS ${eventsSql(rows)}`);
  await truth.run(`COPY events TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 10000)`);
  return truth;
}
