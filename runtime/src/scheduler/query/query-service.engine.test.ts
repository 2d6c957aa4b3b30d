import { readdirSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { InProcessCluster, type InProcessOptions } from "../../../test/differential/in-process-cluster.ts";
import type { Catalog } from "../../core/query/catalog.ts";
import {
  type Exchange,
  ExecutorUnavailableError,
  type FragmentResult,
  StalePlanError,
} from "../../ports/exchange.ts";

let cluster: InProcessCluster | undefined;
afterEach(async () => {
  const { spoolDirectory } = cluster ?? { spoolDirectory: undefined };
  // Nothing of a query stays behind, however it ended.
  const left = spoolDirectory === undefined ? [] : entries(spoolDirectory);
  await cluster?.close();
  cluster = undefined;
  expect(left).toEqual([]);
});

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

async function start(options: Partial<InProcessOptions> = {}): Promise<InProcessCluster> {
  cluster = await InProcessCluster.start({
    executors: 3,
    tables: [
      { name: "t", select: "SELECT i, i % 10 AS k FROM range(5000) AS r(i)", partitionBy: ["i % 6"] },
      { name: "u", select: "SELECT i, i * 2 AS j FROM range(50) AS r(i)", partitionBy: [] },
    ],
    ...options,
  });
  return cluster;
}

/** An exchange whose calls fail as `fault` says, counted from zero. */
function faulty(fault: (call: number, executor: string) => Error | undefined) {
  let calls = 0;
  return (inner: Exchange): Exchange => ({
    run(executor, request, signal) {
      const error = fault(calls, executor);
      calls += 1;
      return error === undefined ? inner.run(executor, request, signal) : failing(error);
    },
  });
}

function failing(error: Error): FragmentResult {
  const stats = Promise.reject(error);
  stats.catch(() => undefined);
  return {
    // biome-ignore lint/correctness/useYield: it fails before its first frame
    frames: (async function* () {
      throw error;
    })(),
    stats,
  };
}

/** An exchange that never answers, and counts the fragments that run. */
function hanging(running: { count: number }) {
  return (): Exchange => ({
    run(_executor, _request, signal) {
      running.count += 1;
      const stopped = new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          running.count -= 1;
          reject(signal.reason);
        });
      });
      stopped.catch(() => undefined);
      return {
        // biome-ignore lint/correctness/useYield: it hangs before its first frame
        frames: (async function* () {
          await stopped;
        })(),
        stats: stopped,
      };
    },
  });
}

describe("DistributedQueryService", () => {
  test("fills the numbers of a query", async () => {
    const { stats, rows } = await (await start()).query("SELECT k, count(*) FROM t GROUP BY k ORDER BY k");
    expect(rows.length).toBe(10);
    expect(stats).toMatchObject({
      strategy: "split-aggregation",
      executors: ["e0", "e1", "e2"],
      partitionsTotal: 6,
      partitionsRead: 6,
      fetchedRows: 30,
    });
    expect(stats.fetchedBytes).toBeGreaterThan(100);
    expect(stats.planningMs).toBeGreaterThan(0);
  });

  test("takes dollar signs in literals and names as they are", async () => {
    const c = await start({
      tables: [
        {
          name: "d",
          select: `SELECT i, CASE WHEN i % 2 = 0 THEN 'a$$b' ELSE '$&' END AS "n$$", i AS "x$&" FROM range(100) AS r(i)`,
          partitionBy: ["i % 6"],
        },
      ],
    });
    const groups = `SELECT "n$$", count(*) AS n FROM d GROUP BY "n$$"`;
    for (const name of ["a$$b", "$&"]) {
      await expect(c.query(`SELECT n FROM (${groups}) AS g WHERE "n$$" = '${name}'`)).resolves.toMatchObject({
        rows: [["50"]],
      });
    }
    await expect(
      c.query(`SELECT count(DISTINCT a."n$$"), max(b."x$&") FROM d AS a JOIN d AS b ON a.i = b.i + 1`),
    ).resolves.toMatchObject({ rows: [["2", "98"]] });
    await expect(
      c.query("SELECT count(*) FROM information_schema.columns WHERE column_name IN ('n$$', 'x$&')"),
    ).resolves.toMatchObject({ rows: [["2"]] });
  });

  test("refuses what needs more memory than there is, and goes on", async () => {
    const c = await start({ memory: { usualBytes: 16 * 2 ** 20, mostBytes: 32 * 2 ** 20 } });
    const list = (most: number) => `SELECT len(list(hash(a.i, b.i))) AS n FROM t a, t b WHERE b.i < ${most}`;
    await expect(c.query(list(5_000))).rejects.toMatchObject({
      name: "ResourceExhaustedError",
      message: "The query needs more memory than the scheduler may use",
    });
    expect((await c.query(list(2))).rows).toEqual([["10000"]]);
  });

  test("binds parameters as typed values", async () => {
    const c = await start();
    const sql = "SELECT count(*) AS n, $2 AS text FROM t WHERE i < $1";
    await expect(c.query("SELECT $1 + $2 AS s, $3", [1, 2, "x"])).resolves.toMatchObject({
      columns: [
        { name: "s", type: "INTEGER" },
        { name: "$3", type: "VARCHAR" },
      ],
      rows: [[3, "x"]],
    });
    await expect(
      c.query("SELECT count(*) AS n FROM t WHERE i < ? AND k = ?", [1000, 3]),
    ).resolves.toMatchObject({
      rows: [["100"]],
    });
    await expect(
      c.query("SELECT count(*) FROM t WHERE k IN (SELECT unnest($1))", [[1, 2]]),
    ).resolves.toMatchObject({
      rows: [["1000"]],
    });
    await expect(c.query("SELECT $1", [])).rejects.toThrow("Parameter $1 has no value");
    await expect(c.query("SELECT 1", [1])).rejects.toThrow(
      "1 parameter values were given, the statement uses 0",
    );
    await expect(c.query(sql, [1])).rejects.toMatchObject({
      name: "InvalidQueryError",
      message: "Parameter $2 has no value",
    });
  });

  test("gives one value of now() to a whole query, under its own name", async () => {
    const c = await start();
    const { columns, rows } = await c.query(
      "SELECT now(), current_date, count(*) FILTER (WHERE now() = (SELECT now())) AS n, count(DISTINCT now()) FROM t",
    );
    expect(columns.map(({ name }) => name)).toEqual(["now()", "current_date", "n", "count(DISTINCT now())"]);
    expect(rows[0]?.slice(2)).toEqual(["5000", "1"]);
  });

  test("keeps volatile functions in the scheduler", async () => {
    const { stats, rows } = await (await start({ executors: 1 })).query(
      "SELECT count(DISTINCT random()) FROM t WHERE i < 100",
    );
    expect(rows).toEqual([["100"]]);
    expect(stats.strategy).toBe("gather");
  });

  test("plans again when a holder knows a newer assignment, three times at most", async () => {
    const c = await start({
      exchange: faulty((call) => (call === 1 ? new StalePlanError("old") : undefined)),
    });
    await expect(c.query("SELECT count(*) FROM t")).resolves.toMatchObject({ rows: [["5000"]] });
    await c.close();
    const always = await start({ exchange: faulty(() => new StalePlanError("old")) });
    await expect(always.query("SELECT count(*) FROM t")).rejects.toMatchObject({
      name: "QueryUnavailableError",
    });
  });

  test("asks a replica when an executor is gone", async () => {
    const gone = faulty((_, executor) =>
      executor === "e1" ? new ExecutorUnavailableError("e1", "connection refused") : undefined,
    );
    const c = await start({
      exchange: (inner) =>
        gone({
          // The store has every executor's tables: whoever is asked as a replica reads the owner's.
          run: (executor, request, signal) => inner.run(executor === "r1" ? "e1" : executor, request, signal),
        }),
      catalog: (catalog) => ({
        ...catalog,
        tables: new Map(
          [...catalog.tables].map(([name, table]) => [
            name,
            {
              ...table,
              partitions: table.partitions.map((partition) => ({
                ...partition,
                holders: partition.holders.flatMap((holder) =>
                  holder.executor === "e1" ? [holder, { ...holder, executor: "r1" }] : [holder],
                ),
              })),
            },
          ]),
        ),
      }),
    });
    const { rows, stats } = await c.query("SELECT count(*), sum(i) FROM t");
    expect(rows).toEqual([["5000", "12497500"]]);
    expect(stats.executors).toEqual(["e0", "e2", "r1"]);
  });

  test("waits for an executor that drops out for a moment, also after a long run", async () => {
    let calls = 0;
    const c = await start({
      exchange: (inner) => ({
        run: (executor, request, signal) => {
          const result = inner.run(executor, request, signal);
          if (executor !== "e1" || ++calls > 2) return result;
          async function* frames(): AsyncGenerator<Uint8Array, void> {
            // Longer than a query of this cluster waits for another holder.
            if (calls === 1) await new Promise((resolve) => setTimeout(resolve, 700));
            throw new ExecutorUnavailableError("e1", "keepalive ping timed out");
          }
          return { ...result, frames: frames() };
        },
      }),
    });
    await expect(c.query("SELECT count(*) FROM t")).resolves.toMatchObject({ rows: [["5000"]] });
    expect(calls).toBe(3);
  });

  test("waits for a partition that somebody is about to serve, and only for such a one", async () => {
    let looks = 0;
    const without = (awaited: boolean) => (catalog: Catalog) => {
      looks += 1;
      if (looks > 3) return catalog;
      const tables = [...catalog.tables].map(([name, table]) => {
        const partitions = table.partitions.map((p, i) => (i === 0 ? { ...p, holders: [], awaited } : p));
        return [name, { ...table, partitions }] as const;
      });
      return { ...catalog, tables: new Map(tables) };
    };
    const c = await start({ catalog: without(true) });
    await expect(c.query("SELECT count(*) FROM t")).resolves.toMatchObject({ rows: [["5000"]] });
    expect(looks).toBe(4);
    await c.close();
    looks = 0;
    const never = await start({ catalog: without(false) });
    await expect(never.query("SELECT count(*) FROM t")).rejects.toMatchObject({
      message: "Cannot execute query: 1 partition(s) not assigned to any executor",
    });
    expect(looks).toBe(1);
  });

  test("a query that waits for a holder keeps no other from running", async () => {
    let served = false;
    const c = await start({
      admission: { running: 1, waiting: 1 },
      catalog: (catalog) => {
        const t = catalog.tables.get("t");
        if (served || t === undefined) return catalog;
        const partitions = t.partitions.map((p) => ({ ...p, holders: [], awaited: true }));
        return { ...catalog, tables: new Map([...catalog.tables, ["t", { ...t, partitions }]]) };
      },
    });
    const waiting = c.query("SELECT count(*) FROM t");
    await expect(c.query("SELECT count(*) FROM u")).resolves.toMatchObject({ rows: [["50"]] });
    served = true;
    await expect(waiting).resolves.toMatchObject({ rows: [["5000"]] });
  });

  test("refuses to answer in part when nobody has a partition", async () => {
    const c = await start({
      exchange: faulty((_, executor) =>
        executor === "e1" ? new ExecutorUnavailableError("e1", "connection refused") : undefined,
      ),
    });
    await expect(c.query("SELECT count(*) FROM t")).rejects.toMatchObject({
      name: "QueryUnavailableError",
      message: "Cannot execute query: 2 partition(s) not assigned to any executor",
    });
  });

  test("stops every fragment within 100 ms of the client's leaving", async () => {
    const running = { count: 0 };
    const c = await start({ exchange: hanging(running) });
    const waited: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const client = new AbortController();
      const query = c.service.query({ sql: "SELECT i FROM t", signal: client.signal });
      while (running.count < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      const left = performance.now();
      client.abort(new Error("client gone"));
      await expect(query).rejects.toThrow("client gone");
      expect(running.count).toBe(0);
      waited.push(performance.now() - left);
    }
    // Others on the machine can only make one longer.
    expect(Math.min(...waited)).toBeLessThan(100);
  });

  test("ends a query at its deadline", async () => {
    const running = { count: 0 };
    const c = await start({ exchange: hanging(running) });
    const signal = new AbortController().signal;
    await expect(c.service.query({ sql: "SELECT count(*) FROM t", timeoutMs: 150, signal })).rejects.toThrow(
      "The query did not finish within 150 ms",
    );
    expect(running.count).toBe(0);
  });

  test("gives everything back when the reader leaves after the first rows", async () => {
    const c = await start({ admission: { running: 1, waiting: 0 } });
    for (let i = 0; i < 3; i += 1) {
      const result = await c.service.query({ sql: "SELECT i FROM t", signal: new AbortController().signal });
      for await (const chunk of result.chunks) {
        expect(chunk.rowCount).toBeGreaterThan(0);
        break;
      }
    }
    await expect(c.query("SELECT count(*) FROM u")).resolves.toMatchObject({ rows: [["50"]] });
  });

  test("lets queries wait for their turn, and refuses when too many wait", async () => {
    const running = { count: 0 };
    const c = await start({ exchange: hanging(running), admission: { running: 1, waiting: 1 } });
    const client = new AbortController();
    const ask = () => c.service.query({ sql: "SELECT count(*) FROM u", signal: client.signal });
    const both = Promise.allSettled([ask(), ask()]);
    await expect(ask()).rejects.toMatchObject({ name: "ResourceExhaustedError" });
    client.abort(new Error("enough"));
    expect((await both).map((end) => end.status === "rejected" && String(end.reason))).toEqual([
      "Error: enough",
      "Error: enough",
    ]);
  });

  test("explains strategies, partitions, fragments and the final statement", async () => {
    const c = await start();
    const sql = "SELECT k, avg(i) FROM t WHERE i > 10 GROUP BY k ORDER BY k LIMIT 3";
    const { rows } = await c.query(`EXPLAIN ${sql}`);
    const text = rows.map((row) => row.join(": ")).join("\n");
    expect(text).toContain("strategy: split-aggregation");
    expect(text).toContain("table t: 6 of 6 partitions read");
    expect(text).toContain("executors: e0, e1, e2");
    expect(text).toContain('on e0 (2 partitions), e1 (2 partitions), e2 (2 partitions): SELECT "k" AS "g0"');
    expect(text).toMatch(/final: SELECT "r"."g0" AS "k", .* LIMIT \(3\)/);
    const analyzed = await c.query(`explain analyze ${sql}`);
    const lines = analyzed.rows.map((row) => row.join(": "));
    expect(
      lines.filter((line) => /^fragment f0 on e\d: 10 rows, \d+ bytes, [\d.]+ ms$/.test(line)).length,
    ).toBe(3);
  });

  test("answers about the catalog", async () => {
    const c = await start();
    expect((await c.query("SHOW TABLES")).rows).toEqual([["t"], ["u"]]);
    expect((await c.query("DESCRIBE t")).rows.map((row) => row.slice(0, 3))).toEqual([
      ["i", "BIGINT", "YES"],
      ["k", "BIGINT", "YES"],
    ]);
    const columns = await c.query(
      "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 'u' ORDER BY ordinal_position",
    );
    expect(columns.rows).toEqual([
      ["u", "i"],
      ["u", "j"],
    ]);
    const summary = await c.query("SUMMARIZE SELECT i FROM t");
    expect(summary.rows[0]?.slice(0, 4)).toEqual(["i", "BIGINT", "0", "4999"]);
    await expect(c.query("SELECT * FROM information_schema.tables, t")).rejects.toThrow("cannot be joined");
  });

  test("finds tables and columns by their full names in any case", async () => {
    const c = await start();
    const { rows } = await c.query("SELECT public.T.i, SPICE.Public.t.K FROM spice.PUBLIC.T WHERE T.i = 7");
    expect(rows).toEqual([["7", "7"]]);
  });

  test("names the place of an error", async () => {
    const c = await start();
    await expect(c.query("SELECT i FROM t WHER i = 1")).rejects.toMatchObject({ position: 21 });
    await expect(c.query("EXPLAIN SELECT read_text('x') FROM t")).rejects.toMatchObject({ position: 15 });
    await expect(c.query("SELECT * FROM tt")).rejects.toThrow("Did you mean t?");
  });
});
