import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";
import { loadExtension } from "../support/duckdb-extensions.ts";
import { annotate } from "./annotate.ts";
import type { CorpusQuery } from "./query.ts";

/** A benchmark whose data and statements DuckDB makes by an extension. */
export interface TpcBenchmark {
  /** The extension, and the prefix of the names of its statements. */
  readonly extension: "tpch" | "tpcds";
  /** The call that makes the tables, without its arguments. */
  readonly generator: "dbgen" | "dsdgen";
  /** Partition expression of each table; nothing for a table too small to be worth it. */
  readonly partitionBy: Readonly<Record<string, string | undefined>>;
}

/** Make the tables of a benchmark at this scale (1 is about 1 GB of text) in a database. */
export async function createTpcTables(
  database: Database,
  benchmark: TpcBenchmark,
  scale: number,
): Promise<void> {
  await database.run(loadExtension(benchmark.extension));
  await database.run(`CALL ${benchmark.generator}(sf = ${scale})`);
}

/**
 * A folder below `cacheDir` with one Parquet file per table. Made once and renamed into place whole, so that an
 * interrupted run leaves nothing that a later one takes for data.
 */
export async function tpcParquet(benchmark: TpcBenchmark, scale: number, cacheDir: string): Promise<string> {
  const dir = join(cacheDir, `${benchmark.extension}-sf${scale}`);
  if (existsSync(dir)) return dir;
  mkdirSync(cacheDir, { recursive: true });
  const target = mkdtempSync(join(cacheDir, `.${benchmark.extension}-`));
  const database = await openDatabase({ threads: 2 });
  try {
    await createTpcTables(database, benchmark, scale);
    for (const table of Object.keys(benchmark.partitionBy))
      await database.run(`COPY ${table} TO '${join(target, `${table}.parquet`)}' (FORMAT parquet)`);
    if (!existsSync(dir)) renameSync(target, dir);
  } finally {
    await database.close();
    rmSync(target, { recursive: true, force: true });
  }
  return dir;
}

/** Load the tables out of such a folder: the truth. */
export async function loadTpcParquet(
  database: Database,
  benchmark: TpcBenchmark,
  dir: string,
): Promise<void> {
  for (const table of Object.keys(benchmark.partitionBy))
    await database.run(`CREATE TABLE ${table} AS SELECT * FROM '${join(dir, `${table}.parquet`)}'`);
}

/**
 * The statements of a benchmark, annotated. The database holds its tables; the extension is loaded into it when it is
 * not there. Names are `tpch-q01`, `tpcds-q99`.
 */
export async function tpcQueries(
  database: Database,
  benchmark: TpcBenchmark,
): Promise<readonly CorpusQuery[]> {
  await database.run(loadExtension(benchmark.extension));
  const rows = await database.rows(
    `SELECT query_nr, query FROM ${benchmark.extension}_queries() ORDER BY query_nr`,
  );
  return Promise.all(
    rows.map(async (row) => {
      const sql = String(row["query"]).trim().replace(/;\s*$/, "");
      const name = `${benchmark.extension}-q${String(row["query_nr"]).padStart(2, "0")}`;
      return { name, sql, comparison: await annotate(database, sql) };
    }),
  );
}
