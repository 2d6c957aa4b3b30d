import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

export const bucket = "story";
/** Rows, one Parquet file per 30,000 of them. */
const rows = 120_000;
const files = 4;

/** Asked all the time; the order makes the answer one text. */
export const storyQuery =
  "SELECT region, count(*) AS n, sum(amount)::BIGINT AS total, max(customer_id) AS top FROM events GROUP BY region ORDER BY region";

/** The same of what is in PostgreSQL. */
export const ordersQuery =
  "SELECT status, count(*) AS n, sum(price)::BIGINT AS total, max(customer_id) AS top FROM orders GROUP BY status ORDER BY status";

/** In the words of both DuckDB and PostgreSQL. */
export const ordersTable = `CREATE TABLE orders AS SELECT i AS id, (i * 7919) % 5000 AS customer_id, (i * 17) % 900 AS price, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'paid' ELSE 'sent' END AS status FROM generate_series(1, 30000) AS t(i)`;

/** Writes the objects of the S3 server below `dir` and answers what {@link storyQuery} has to say. */
export async function writeStoryData(dir: string): Promise<string> {
  const folder = join(dir, bucket, "events");
  mkdirSync(folder, { recursive: true });
  const parts = Array.from({ length: files }, (_, part) => join(folder, `part-${part}.parquet`));
  return await answerOf(storyQuery, [
    `CREATE TABLE events AS SELECT i AS id, (i * 7919) % 5000 AS customer_id,
      ['north', 'south', 'east', 'west'][1 + (i * 31) % 4] AS region, (i * 13) % 1000 AS amount
      FROM range(${rows}) r(i)`,
    ...parts.map((file, part) => `COPY (SELECT * FROM events WHERE id % ${files} = ${part}) TO '${file}'`),
  ]);
}

/** What {@link ordersQuery} has to say. */
export function ordersTruth(): Promise<string> {
  return answerOf(ordersQuery, [ordersTable]);
}

async function answerOf(query: string, statements: readonly string[]): Promise<string> {
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  try {
    for (const statement of statements) await connection.run(statement);
    const answer = await connection.runAndReadAll(query);
    return JSON.stringify(answer.getRows().map((row) => row.map(String)));
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
