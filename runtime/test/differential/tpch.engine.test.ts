import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { checkAnswer } from "../corpus/check.ts";
import type { CorpusQuery } from "../corpus/query.ts";
import { tpcQueries } from "../corpus/tpc.ts";
import { tpch } from "../corpus/tpch.ts";
import { loadExtension } from "../support/duckdb-extensions.ts";
import { InProcessCluster } from "./in-process-cluster.ts";

const partitionings: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "by key": {
    lineitem: ["bucket(6, l_orderkey)"],
    orders: ["bucket(6, o_orderkey)"],
    customer: ["c_nationkey"],
    part: ["bucket(4, p_partkey)"],
    partsupp: ["bucket(4, ps_partkey)"],
    supplier: ["s_suppkey % 3"],
    nation: [],
    region: [],
  },
  "by date and name": {
    lineitem: ["date_trunc('year', l_shipdate)", "l_returnflag"],
    orders: ["year(o_orderdate)"],
    customer: ["c_mktsegment"],
    part: ["p_mfgr"],
    partsupp: ["ps_suppkey % 7"],
    supplier: ["s_nationkey"],
    nation: ["n_regionkey"],
    region: [],
  },
};

/** Blocks that must not gather, by query number (spec chapter 11: Q1 and Q6 at least). */
const strategies: Readonly<Record<number, string>> = { 1: "split-aggregation", 6: "split-aggregation" };

describe.each([
  ["by key", 3, false],
  ["by date and name", 5, true],
  ["by key", 1, false],
] as const)("TPC-H partitioned %s over %i executors", (partitioning, executors, ungrouped) => {
  let cluster: InProcessCluster;
  let queries: readonly CorpusQuery[];
  beforeAll(async () => {
    cluster = await InProcessCluster.start({
      executors,
      ungrouped,
      setup: [
        loadExtension("tpch"),
        "ATTACH ':memory:' AS tpch",
        "USE tpch",
        "CALL dbgen(sf=0.02)",
        "USE memory",
      ],
      tables: Object.entries(partitionings[partitioning] ?? {}).map(([name, partitionBy]) => ({
        name,
        select: `SELECT * FROM tpch.main.${name}`,
        partitionBy,
      })),
    });
    queries = await tpcQueries(cluster.store, tpch);
  });
  afterAll(() => cluster.close());

  test.each(Array.from({ length: 22 }, (_, i) => i + 1))("Q%i", async (number) => {
    const query = queries[number - 1]!;
    const answer = await cluster.query(query.sql);
    expect(await checkAnswer(cluster.store, query, answer)).toBeUndefined();
    const expected = executors === 1 ? "whole-query" : strategies[number];
    if (expected !== undefined) expect(answer.stats.strategy).toBe(expected);
  });
});
