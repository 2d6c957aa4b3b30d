import type { Database } from "../../src/ports/database.ts";
import { annotate } from "./annotate.ts";
import { clickbenchSql } from "./clickbench-queries.ts";
import { hitsSql } from "./clickbench-table.ts";
import type { CorpusQuery } from "./query.ts";

/** Partition expressions that suit the table, from plain to awkward (a nullable one, a text, a date). */
export const hitsPartitions: readonly string[] = [
  "bucket(12, user_id)",
  "event_date",
  "counter_id % 8",
  "truncate(3, search_phrase)",
  "age",
];

/** Make the table `hits`. A hundred thousand rows take about a second; the aggregates keep answers at any number. */
export async function createHits(database: Database, rows: number): Promise<void> {
  await database.run(`CREATE TABLE hits AS ${hitsSql(rows)}`);
}

/** The 43 statements, `hits-q01` to `hits-q43`, annotated. The database holds the table `hits`. */
export async function clickbenchQueries(database: Database): Promise<readonly CorpusQuery[]> {
  return Promise.all(
    clickbenchSql.map(async (sql, i) => ({
      name: `hits-q${String(i + 1).padStart(2, "0")}`,
      sql,
      comparison: await annotate(database, sql),
    })),
  );
}
