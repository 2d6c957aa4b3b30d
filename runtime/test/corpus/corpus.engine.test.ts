import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { answerOf } from "./answer.ts";
import { checkAnswer } from "./check.ts";
import { clickbenchQueries, createHits, hitsPartitions } from "./clickbench.ts";
import { isOrdered } from "./compare.ts";
import type { CorpusQuery } from "./query.ts";
import { loadTpcParquet, type TpcBenchmark, tpcParquet, tpcQueries } from "./tpc.ts";
import { tpcds } from "./tpcds.ts";
import { tpch } from "./tpch.ts";
import { openTruth } from "./truth.ts";

const dir = mkdtempSync(join(tmpdir(), "corpus-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Each statement runs, its answer passes its own check, and its order keys hold. */
async function checkAll(database: Database, queries: readonly CorpusQuery[]): Promise<number> {
  let answered = 0;
  for (const query of queries) {
    const answer = await answerOf(database, query.sql);
    if (answer.rows.length > 0) answered += 1;
    expect({ name: query.name, difference: await checkAnswer(database, query, answer) }).toEqual({
      name: query.name,
      difference: undefined,
    });
    expect({ name: query.name, ordered: isOrdered(answer, query.comparison.order) }).toEqual({
      name: query.name,
      ordered: true,
    });
  }
  return answered;
}

describe("the wide table", () => {
  let database: Database;
  let queries: readonly CorpusQuery[];
  beforeAll(async () => {
    database = await openTruth(2);
    await createHits(database, 20_000);
    queries = await clickbenchQueries(database);
  });
  afterAll(() => database.close());

  test("is wide, skewed and free of NULL but for three columns", async () => {
    const columns = await database.describe("FROM hits");
    expect(columns.length).toBeGreaterThanOrEqual(60);
    const [row] = await database.rows(`SELECT count(*) FILTER (counter_id = 62) / count(*) AS counter,
      count(*) FILTER (search_phrase = '') / count(*) AS no_phrase, count(DISTINCT user_id) AS visitors FROM hits`);
    expect(Number(row!["counter"])).toBeGreaterThan(0.3);
    expect(Number(row!["no_phrase"])).toBeGreaterThan(0.8);
    expect(Number(row!["visitors"])).toBeGreaterThan(500);
    const nullable = [];
    for (const { name } of columns) {
      const [{ n }] = (await database.rows(`SELECT count(*) - count("${name}") AS n FROM hits`)) as [
        { n: string },
      ];
      if (n !== "0") nullable.push(name);
    }
    expect(nullable).toEqual(["age", "response_timing", "goal_price"]);
  });

  test("has 43 statements, each with rows and a check that its own answer passes", async () => {
    expect(queries).toHaveLength(43);
    expect(await checkAll(database, queries)).toBe(43);
    expect(queries.filter((q) => q.comparison.full !== undefined).length).toBeGreaterThan(25);
  });

  test("accepts another answer of an ambiguous LIMIT, and no wrong one", async () => {
    const query = queries.find((q) => q.name === "hits-q18")!;
    const other = await answerOf(database, `${query.comparison.full} ORDER BY n, 1, 2 LIMIT 10`);
    expect(await checkAnswer(database, query, other)).toBeUndefined();
    const short = { ...other, rows: other.rows.slice(1) };
    expect((await checkAnswer(database, query, short))?.kind).toBe("row count");
    const doubled = { ...other, rows: [...other.rows.slice(1), other.rows[1]!] };
    expect((await checkAnswer(database, query, doubled))?.kind).toBe("rows");
  });

  test("finds an offset that each part applied for itself", async () => {
    const query = queries.find((q) => q.name === "hits-q42")!;
    const wrong = await answerOf(database, query.sql.replace("OFFSET 100", "OFFSET 99"));
    expect((await checkAnswer(database, query, wrong))?.kind).toBe("order");
  });

  test("names partition expressions that the table can evaluate", async () => {
    for (const expression of hitsPartitions.filter((e) => !/bucket|truncate/.test(e))) {
      const [{ n }] = (await database.rows(`SELECT count(DISTINCT ${expression}) AS n FROM hits`)) as [
        { n: string },
      ];
      expect(Number(n)).toBeGreaterThan(1);
    }
  });
});

describe.each<[TpcBenchmark, number, number]>([
  [tpch, 22, 17],
  [tpcds, 99, 60],
])("$extension", (benchmark, count, answers) => {
  let database: Database;
  beforeAll(async () => {
    database = await openTruth(2);
    const folder = await tpcParquet(benchmark, 0.01, dir);
    expect(await tpcParquet(benchmark, 0.01, dir)).toBe(folder);
    await loadTpcParquet(database, benchmark, folder);
  });
  afterAll(() => database.close());

  test("has its statements, each with a check that its own answer passes", async () => {
    const queries = await tpcQueries(database, benchmark);
    expect(queries).toHaveLength(count);
    expect(await checkAll(database, queries)).toBeGreaterThanOrEqual(answers);
  });

  test("prints statements without their LIMIT that the engine runs", async () => {
    const queries = await tpcQueries(database, benchmark);
    for (const query of queries.filter((q) => q.comparison.full !== undefined)) {
      const [cut, full] = [query.sql, query.comparison.full!];
      expect(full).not.toMatch(/LIMIT \(?\d+\)?\s*$/i);
      expect((await database.describe(full)).map((c) => c.name)).toEqual(
        (await database.describe(cut)).map((c) => c.name),
      );
    }
  });
});
