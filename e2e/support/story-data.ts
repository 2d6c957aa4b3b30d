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

/** Writes the objects of the S3 server below `dir` and answers what {@link storyQuery} has to say. */
export async function writeStoryData(dir: string): Promise<string> {
  const folder = join(dir, bucket, "events");
  mkdirSync(folder, { recursive: true });
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  try {
    await connection.run(`CREATE TABLE events AS SELECT i AS id, (i * 7919) % 5000 AS customer_id,
      ['north', 'south', 'east', 'west'][1 + (i * 31) % 4] AS region, (i * 13) % 1000 AS amount
      FROM range(${rows}) r(i)`);
    for (let part = 0; part < files; part += 1)
      await connection.run(
        `COPY (SELECT * FROM events WHERE id % ${files} = ${part}) TO '${join(folder, `part-${part}.parquet`)}'`,
      );
    const answer = await connection.runAndReadAll(storyQuery);
    return JSON.stringify(answer.getRows().map((row) => row.map(String)));
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
