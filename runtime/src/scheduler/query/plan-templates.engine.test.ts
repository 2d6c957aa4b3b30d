import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InProcessCluster } from "../../../test/differential/in-process-cluster.ts";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import { engineSettings } from "../../adapters/duckdb/engine-settings.ts";
import { installPartitionMacros } from "../../adapters/duckdb/partition-macros.ts";
import { pruneByPartition } from "../../core/query/plan/prune-by-partition.ts";
import type { Database } from "../../ports/database.ts";
import { QueryPlanner } from "./planner.ts";

const tables = [
  {
    name: "t",
    select:
      "SELECT i AS id, (i % 7)::INTEGER AS k, 'n' || i % 5 AS s, i * 1.5 AS x, (i % 100)::SMALLINT AS h FROM range(2000) r(i)",
    partitionBy: ["bucket(6, id)"],
  },
  { name: "u", select: "SELECT i AS id, i % 3 AS g FROM range(50) r(i)", partitionBy: ["g"] },
];

describe("statements that differ in literals", () => {
  let cluster: InProcessCluster;
  let database: Database;
  let counted = 0;

  beforeAll(async () => {
    cluster = await InProcessCluster.start({ tables, executors: 3 });
    const opened = await openDatabase({ threads: 1, memoryLimit: "512MB", settings: engineSettings });
    await installPartitionMacros(opened);
    database = {
      acquire: () => opened.acquire(),
      withConnection: (use) =>
        opened.withConnection((connection) =>
          use({
            run: (...args) => connection.run(...args),
            rows: (...args) => connection.rows(...args),
            prepare: (sql) => connection.prepare(sql),
            stream: (...args) => connection.stream(...args),
            streamOver: (...args) => connection.streamOver(...args),
            describe: (...args) => {
              counted += 1;
              return connection.describe(...args);
            },
          }),
        ),
      run: (...args) => opened.run(...args),
      rows: (...args) => {
        counted += 1;
        return opened.rows(...args);
      },
      describe: (...args) => opened.describe(...args),
      close: () => opened.close(),
    };
  });

  afterAll(async () => {
    await database?.close();
    await cluster?.close();
  });

  const planWith = async (planner: QueryPlanner, sql: string, catalog = cluster.catalog) =>
    planner.plan(await planner.parse(sql), { sql, parameters: [], nowMicros: 0n, catalog });
  const fresh = () => new QueryPlanner({ database, prune: pruneByPartition });
  /** How often the engine was asked to plan `second` after `first`. */
  const asked = async (first: string, second: string) => {
    const planner = fresh();
    await planWith(planner, first);
    counted = 0;
    const plan = await planWith(planner, second);
    const calls = counted;
    expect(plan).toEqual(await planWith(fresh(), second));
    return calls;
  };

  test.each([
    ["a point query", "SELECT id, x FROM t WHERE id = ?"],
    ["an aggregate", "SELECT count(*) AS n, sum(x) FROM t WHERE k > ? AND s <> 'n1'"],
    ["groups", "SELECT k, avg(x) FROM t WHERE ? <= id GROUP BY k ORDER BY k LIMIT 5"],
    ["several aggregates over distinct values", "SELECT count(DISTINCT k), max(s) FROM t WHERE id < ?"],
    ["a window, which gathers", "SELECT id, row_number() OVER (ORDER BY id) FROM t WHERE id < ?"],
  ])("are planned without the engine: %s", async (_, sql) => {
    expect(await asked(sql.replace("?", "5"), sql.replace("?", "1234"))).toBe(0);
  });

  test.each([
    ["a literal beside the filter", "SELECT id + ? FROM t WHERE id = 3"],
    ["a limit", "SELECT id FROM t ORDER BY id LIMIT ?"],
    ["a column that is filtered twice", "SELECT id FROM t WHERE id > ? AND id < 900"],
    ["an alternative", "SELECT id FROM t WHERE id = ? OR k = 2"],
    ["a range", "SELECT id FROM t WHERE id BETWEEN ? AND 40"],
    ["a narrow type", "SELECT id FROM t WHERE h = ?"],
    ["a filter of groups", "SELECT k FROM t WHERE id > ? GROUP BY k HAVING k > 2"],
    ["a join", "SELECT count(*) FROM t JOIN u USING (id) WHERE k = ?"],
    ["a subquery", "SELECT count(*) FROM t WHERE k = ? AND id IN (SELECT id FROM u)"],
    ["an expression", "SELECT count(*) FROM t WHERE id = ? + 1"],
    ["a value of the query's own", "SELECT count(*) FROM t WHERE id = ? AND now() > '2020-01-01'"],
    ["a view of a filter", "SELECT count(*) FROM (SELECT * FROM t WHERE id = ?)"],
  ])("are planned anew: %s", async (_, sql) => {
    expect(await asked(sql.replace("?", "5"), sql.replace("?", "1234"))).toBeGreaterThan(0);
  });

  test("are planned anew when a literal is of another type or the table has other columns", async () => {
    expect(
      await asked("SELECT x FROM t WHERE id = 5", "SELECT x FROM t WHERE id = 3000000000"),
    ).toBeGreaterThan(0);
    // A database of its own: planners number their empty tables by themselves.
    const own = await openDatabase({ threads: 1, memoryLimit: "512MB" });
    await installPartitionMacros(own);
    const planner = new QueryPlanner({ database: own, prune: pruneByPartition });
    await planWith(planner, "SELECT * FROM t WHERE id = 5");
    const table = cluster.catalog.tables.get("t")!;
    const columns = table.columns.filter(({ name }) => name !== "x");
    const changed = { ...cluster.catalog, tables: new Map([["t", { ...table, columns }]]) };
    const plan = await planWith(planner, "SELECT * FROM t WHERE id = 6", changed);
    expect(plan.columns.map(({ name }) => name)).toEqual(["id", "k", "s", "h"]);
    const again = await planWith(planner, "SELECT * FROM t WHERE id = 7", changed);
    expect(again.columns).toEqual(plan.columns);
    const none = { ...cluster.catalog, tables: new Map() };
    await expect(planWith(planner, "SELECT * FROM t WHERE id = 8", none)).rejects.toMatchObject({
      position: 14,
    });
    await own.close();
  });

  test("SUMMARIZE and EXPLAIN of a statement do not lend their shape to others", async () => {
    for (const id of [1, 2]) {
      const { rows } = await cluster.query(`SUMMARIZE SELECT id FROM t WHERE id = ${id}`);
      expect(rows[0]?.slice(0, 4)).toEqual(["id", "BIGINT", String(id), String(id)]);
      const explained = await cluster.query(`EXPLAIN SELECT id FROM t WHERE id = ${id}`);
      expect(explained.rows.map((row) => row.join(": ")).join("\n")).toContain("1 of 6 partitions read");
      expect((await cluster.query(`SELECT id FROM t WHERE id = ${id}`)).rows).toEqual([[String(id)]]);
    }
  });

  const operators = fc.constantFrom("=", "<", "<=", ">", ">=", "<>");
  const integers = fc.oneof(fc.integer({ min: 0, max: 2100 }), fc.integer({ min: 0, max: 999_999_999 }));
  const texts = fc.oneof(
    fc.constantFrom("n0", "n3", "", "N1", "%", "5"),
    fc.string({ maxLength: 4 }).map((t) => t.replaceAll(/[^ -&(-~]|\\|\$|--/g, "")),
  );
  const terms = fc.tuple(
    fc.tuple(fc.constantFrom("id", "ID", `"id"`, "t.id"), operators, integers),
    fc.tuple(fc.constantFrom("k", "h", "id"), operators, integers),
    fc.tuple(fc.constantFrom("s", "upper(s)"), operators, texts),
  );
  const heads = fc.constantFrom(
    "SELECT id, s FROM t",
    "SELECT count(*), sum(k), min(s) FROM t",
    "SELECT DISTINCT k FROM t",
    "SELECT s, count(*) AS n, avg(x) FROM t",
  );
  const written = (head: string, parts: readonly (readonly [string, string, number | string])[]) => {
    const where = parts.map(([column, op, value]) =>
      typeof value === "number" ? `${column} ${op} ${value}` : `'${value}' ${op} ${column}`,
    );
    const tail = head.startsWith("SELECT s, count") ? " GROUP BY s ORDER BY s" : "";
    return `${head} WHERE ${where.join(" AND ")}${tail}`;
  };

  test("have the plan and the answer that they have alone", async () => {
    const planner = fresh();
    await fc.assert(
      fc.asyncProperty(
        heads,
        terms,
        integers,
        integers,
        texts,
        fc.subarray([0, 1, 2], { minLength: 1 }),
        async (head, [a, b, c], i, j, text, used) => {
          const parts = [a, b, c].filter((_, n) => used.includes(n));
          const first = written(head, parts);
          const values = [i, j, text].filter((_, n) => used.includes(n));
          const second = written(
            head,
            parts.map(([column, op], n) => [column, op, values[n]!]),
          );
          await planWith(planner, first);
          expect(await planWith(planner, second)).toEqual(await planWith(fresh(), second));
          await cluster.query(first);
          const [ours, truth] = [await cluster.query(second), await cluster.truth(second)];
          expect(ours.rows.map(String).sort()).toEqual(truth.rows.map(String).sort());
        },
      ),
      { numRuns: Number(process.env["RUNS"] ?? 40) },
    );
  });
});
