import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cacheDir } from "../../../scripts/testbed/provision.ts";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";
import { checkAnswer } from "../corpus/check.ts";
import type { CorpusQuery } from "../corpus/query.ts";
import { loadTpcParquet, type TpcBenchmark, tpcParquet, tpcQueries } from "../corpus/tpc.ts";
import { tpcds } from "../corpus/tpcds.ts";
import { tpch } from "../corpus/tpch.ts";
import { TestCluster } from "../support/cluster.ts";
import { httpAnswer } from "../support/http-answer.ts";

describe.each([
  { name: "TPC-H", benchmark: tpch, scale: 0.1, engine: "engine: arrow", statements: 22 },
  {
    name: "TPC-DS",
    benchmark: tpcds,
    scale: 0.1,
    engine: "engine: duckdb\n      mode: file\n      params: { partition_mode: tables }",
    statements: 99,
  },
])("$name over real processes", ({ benchmark, scale, engine, statements }) => {
  let truth: Database;
  let cluster: TestCluster;
  let queries: readonly CorpusQuery[];

  beforeAll(async () => {
    const dir = await tpcParquet(benchmark, scale, cacheDir);
    truth = await openDatabase({ threads: 2 });
    await loadTpcParquet(truth, benchmark, dir);
    queries = await tpcQueries(truth, benchmark);
    cluster = await TestCluster.start({
      executors: 3,
      env: { SPICED_EXPECTED_EXECUTORS: "3" },
      spicepod: await spicepodOf(truth, benchmark, dir, engine),
    });
    await cluster.ready(120_000);
  }, 300_000);

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
  });

  test("every answer is that of one DuckDB", async () => {
    const endpoint = await cluster.http();
    const problems: string[] = [];
    for (const query of queries) {
      try {
        const columns = await truth.describe(query.sql);
        const answer = await httpAnswer(endpoint, query.sql, columns);
        const difference = await checkAnswer(truth, query, answer);
        if (difference !== undefined)
          problems.push(`${query.name}: ${JSON.stringify(difference).slice(0, 400)}`);
      } catch (error) {
        problems.push(`${query.name}: ${String((error as Error).message).slice(0, 400)}`);
      }
    }
    expect(problems).toEqual([]);
    expect(queries).toHaveLength(statements);
  }, 300_000);
});

/** A spicepod with every table; one that the corpus keeps whole gets a single bucket. */
async function spicepodOf(
  truth: Database,
  benchmark: TpcBenchmark,
  dir: string,
  engine: string,
): Promise<string> {
  const datasets: string[] = [];
  for (const [table, expression] of Object.entries(benchmark.partitionBy)) {
    const [first] = await truth.describe(`FROM ${table}`);
    datasets.push(`  - from: file:${join(dir, `${table}.parquet`)}
    name: ${table}
    acceleration:
      ${engine}
      partition_by: ["${expression ?? `bucket(1, ${first!.name})`}"]`);
  }
  return `version: v1
kind: Spicepod
name: corpus
runtime:
  scheduler:
    state_location: "STATE"
datasets:
${datasets.join("\n")}
`;
}
