import { join } from "node:path";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import type { Database } from "../runtime/src/ports/database.ts";
import { tpcParquet } from "../runtime/test/corpus/tpc.ts";
import { tpch } from "../runtime/test/corpus/tpch.ts";
import { TestCluster } from "../runtime/test/support/cluster.ts";
import { cacheDir, provision } from "../scripts/testbed/provision.ts";
import type { Figure } from "./figure.ts";

/** Partition expression of each TPC-H table. */
export const tpchPartitions: Readonly<Record<string, string>> = {
  lineitem: "bucket(12, l_orderkey)",
  orders: "bucket(12, o_orderkey)",
  customer: "bucket(12, c_custkey)",
  part: "bucket(12, p_partkey)",
  partsupp: "bucket(12, ps_partkey)",
  supplier: "bucket(3, s_suppkey)",
  nation: "bucket(1, n_nationkey)",
  region: "bucket(1, r_regionkey)",
};

/** One file of DuckDB's own extension from the test bed. */
export async function extension(name: string): Promise<string> {
  const { env, missing } = await provision("engine");
  const file = env["DUCKDB_EXTENSION_FILES"]?.split(":").find((f) => f.endsWith(`/${name}.duckdb_extension`));
  if (file === undefined) throw new Error(`The extension ${name} is not there: ${missing.join("; ")}`);
  return file;
}

/** A folder with one Parquet file per TPC-H table at this scale; made once. */
export function tpchData(scale: number): Promise<string> {
  return tpcParquet(tpch, scale, cacheDir);
}

/** The 22 query texts of TPC-H. */
export async function tpchQueries(): Promise<{ nr: number; sql: string }[]> {
  const database = await openDatabase({ threads: 1, extensions: [await extension("tpch")] });
  try {
    const rows = await database.rows("SELECT query_nr, query FROM tpch_queries() ORDER BY query_nr");
    return rows.map((row) => ({
      nr: Number(row["query_nr"]),
      sql: String(row["query"]).replace(/;\s*$/, ""),
    }));
  } finally {
    await database.close();
  }
}

/** One DuckDB with two threads that holds the tables of a folder: the baseline. */
export async function baseline(dir: string, tables: readonly string[]): Promise<Database> {
  const database = await openDatabase({ threads: 2 });
  for (const table of tables) {
    await database.run(`CREATE TABLE ${table} AS SELECT * FROM '${join(dir, `${table}.parquet`)}'`);
  }
  return database;
}

export interface BenchTable {
  readonly name: string;
  /** A Parquet file, or … */
  readonly file?: string;
  /** … another source with its parameters. */
  readonly from?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly partitionBy: string;
}

/** A scheduler and `executors` executors of one engine thread each, loaded. */
export async function benchCluster(tables: readonly BenchTable[], executors = 3): Promise<TestCluster> {
  const datasets = tables.map(
    ({ name, file, from = `file:${file}`, params = {}, partitionBy }) => `  - from: ${from}
    name: ${name}
    params: ${JSON.stringify(params)}
    acceleration:
      engine: duckdb
      mode: file
      params: { partition_mode: tables, duckdb_threads: 1 }
      partition_by: ["${partitionBy}"]`,
  );
  const cluster = await TestCluster.start({
    executors,
    spicepod: `version: v1
kind: Spicepod
name: bench
runtime:
  scheduler:
    state_location: "STATE"
    max_partitions_per_executor: 10000
datasets:
${datasets.join("\n")}
`,
  });
  try {
    await cluster.ready(300_000);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** The most memory that the scheduler has taken so far (aim: below 300 MB). */
export async function schedulerPeak(cluster: TestCluster, when: string): Promise<Figure> {
  const bytes = await cluster.schedulers[0]!.peakResidentBytes();
  return { name: `scheduler memory, peak, ${when}`, value: bytes / 2 ** 20, unit: "MiB", aim: "< 286" };
}

/** Milliseconds of one statement through HTTP, read to the end. */
export async function timed(cluster: TestCluster, sql: string, accept = "application/json"): Promise<number> {
  const url = `${await cluster.http()}/v1/sql`;
  const start = performance.now();
  const response = await fetch(url, { method: "POST", body: sql, headers: { accept } });
  if (response.status !== 200) throw new Error(`${sql.slice(0, 80)}: ${await response.text()}`);
  for await (const _ of response.body!) {
    // Read to the end, as a client would.
  }
  return performance.now() - start;
}
