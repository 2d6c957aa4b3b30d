import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FragmentRequest } from "../../ports/exchange.ts";
import type { SpoolStore } from "../../ports/spool.ts";
import { fileSpool } from "../spool/file-spool.ts";
import { isInlineFrame, readInlineFrame } from "./frames/inline-frame.ts";
import { inlineTypes } from "./frames/inline-type.ts";
import { collect } from "./testing/collect.ts";
import { fragment, readAll, TestExecutor } from "./testing/executor.ts";

const never = new AbortController().signal;
const wide: [string, string][] = [
  ["i", "BIGINT"],
  ["s", "VARCHAR"],
];

describe("LocalFragmentRunner", () => {
  let executor: TestExecutor;
  let directory: string;
  let spools: SpoolStore;
  beforeAll(async () => {
    executor = await TestExecutor.start({ threads: 2 });
    directory = await mkdtemp(join(tmpdir(), "spool-"));
    spools = fileSpool({ directory: join(directory, "spool"), maxBytes: 1 << 30 });
    await executor.add("t", "a", "SELECT range AS i, 'payload-' || hash(range) AS s FROM range(600000)");
    await executor.add(
      "t",
      "b",
      "SELECT range AS i, 'payload-' || hash(range) AS s FROM range(600000, 1000000)",
    );
    await executor.add("small", "a", "SELECT 1 AS i");
    executor.declare("none", [
      { name: "x", type: "HUGEINT" },
      { name: 'odd " name', type: "STRUCT(a INTEGER)" },
    ]);
  });
  afterAll(async () => {
    await executor.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Run, spool, evaluate `SELECT {select} FROM (result)`, and check that nothing is left behind. */
  async function evaluate(request: FragmentRequest, select: string, end = "") {
    const spool = await spools.open("q");
    try {
      const { sql, stats } = await collect(spool, executor.runner.run(request, never), request.columns);
      const rows = await executor.database.rows(`SELECT ${select} FROM ${sql} AS result ${end}`);
      return { rows, stats };
    } finally {
      await spool.close();
      expect(executor.pins).toBe(0);
      expect(await executor.files()).toEqual([]);
    }
  }

  test("a small result is one frame with types and names restored", async () => {
    const columns: [string, string][] = [
      ["sum(i)", "HUGEINT"],
      ["sum(i)", "BIGINT"],
    ];
    const request = fragment("SELECT sum(i), count(*) FROM t", columns, ["a", "b"]);
    const { rows, stats } = await evaluate(request, "*");
    expect(rows).toEqual([{ "sum(i)": "499999500000", "sum(i)_1": "1000000" }]);
    expect(stats).toMatchObject({ rows: 1, ungrouped: false });
    expect(stats.bytes).toBeGreaterThan(100);
    expect(await readAll(executor.runner.run(request, never))).toHaveLength(1);
  });

  test("few rows come as one inline frame where the reader takes it, without a file, else as Parquet", async () => {
    const frames = (sql: string, columns: [string, string][], inlineRows?: number) =>
      readAll(
        executor.runner.run(
          fragment(sql, columns, ["a", "b"], inlineRows === undefined ? {} : { inlineRows }),
          never,
        ),
      );
    const kinds = (list: readonly Uint8Array[]) => list.map(isInlineFrame);
    const sum: [string, string][] = [["s", "HUGEINT"]];
    for (let i = 0; i < 5; i++) {
      const [frame] = await frames("SELECT sum(i) AS s FROM t", sum, 10);
      const [chunk] = readInlineFrame(frame as Uint8Array, inlineTypes([{ type: "HUGEINT" }]) ?? []);
      expect(chunk?.getRows()).toEqual([[499_999_500_000n]]);
      expect(await executor.files()).toEqual([]);
      expect(executor.pins).toBe(0);
    }
    expect(kinds(await frames("SELECT sum(i) AS s FROM t", sum))).toEqual([false]);
    // Declared otherwise than the engine says: only the wire type's expressions can tell what to do.
    expect(kinds(await frames("SELECT min(i) AS s FROM t", sum, 10))).toEqual([false]);
    expect(kinds(await frames("SELECT [sum(i)] AS s FROM t", [["s", "HUGEINT[]"]], 10))).toEqual([false]);
    // Grouping is tried when a result of its shape was small, and not again once one was large.
    const groups = (n: number) => `SELECT i % ${n} AS i, '' AS s FROM t WHERE i < 900 GROUP BY 1`;
    expect(kinds(await frames(groups(3), wide, 10))).toEqual([false]);
    expect(kinds(await frames(groups(4), wide, 10))).toEqual([true]);
    expect(kinds(await frames(groups(400), wide, 10))).toEqual([false]);
    expect(kinds(await frames(groups(5), wide, 10))).toEqual([false]);
    const none = await frames("SELECT i, s FROM t WHERE i < 0", wide, 10);
    expect(
      readInlineFrame(none[0] as Uint8Array, inlineTypes([{ type: "BIGINT" }, { type: "VARCHAR" }]) ?? []),
    ).toEqual([]);
  });

  test("few rows that are asked for again are right, also when what they come from was replaced", async () => {
    await executor.add("again", "a", "SELECT range AS i, 'a text that is long ' || range AS s FROM range(3)");
    const partitions = [{ key: "a", epoch: 1, version: 1 }];
    const request = fragment("SELECT i, s FROM \"t\" WHERE s > 'a'", wide, [], {
      scans: [{ name: "t", table: "again", revision: 1, partitions }],
      inlineRows: 3,
    });
    const types = inlineTypes([{ type: "BIGINT" }, { type: "VARCHAR" }]) ?? [];
    for (let i = 0; i < 5; i++) {
      const [frame] = await readAll(executor.runner.run(request, never));
      const rows = readInlineFrame(frame as Uint8Array, types).flatMap((chunk) => chunk.getRows());
      expect(rows).toEqual([0n, 1n, 2n].map((n) => [n, `a text that is long ${n}`]));
    }
    await executor.database.run(
      `CREATE OR REPLACE TABLE "again/a" AS SELECT range AS i, 'b' AS s FROM range(5000)`,
    );
    for (let i = 0; i < 3; i++) {
      const { rows } = await evaluate(request, "count(*) AS n, sum(i) AS total");
      expect(rows).toEqual([{ n: "5000", total: "12497500" }]);
    }
  });

  test("a large scan comes as many bounded frames, every row once", async () => {
    const request = fragment("SELECT i, s FROM t", wide, ["a", "b"]);
    const frames = await readAll(executor.runner.run(request, never));
    expect(frames.length).toBeGreaterThan(3);
    expect(Math.max(...frames.map((f) => f.byteLength))).toBeLessThan(12 << 20);
    const { rows, stats } = await evaluate(
      request,
      "count(*) AS n, sum(i) AS total, count(*) FILTER (s <> 'payload-' || hash(i)) AS wrong",
    );
    expect(rows).toEqual([{ n: "1000000", total: "499999500000", wrong: "0" }]);
    expect(stats.rows).toBe(1_000_000);
  });

  test("a large scan of many small partitions comes in few frames, every row once, also the second time", async () => {
    const keys = Array.from({ length: 70 }, (_, i) => `p${i}`);
    for (const [i, key] of keys.entries()) {
      // Some are empty, some large, most small.
      const rows = i % 7 === 3 ? 0 : i % 20 === 0 ? 60_000 : 4_000;
      await executor.add(
        "many",
        key,
        `SELECT ${i} * 100000 + range AS i, md5(i::VARCHAR) AS s FROM range(${rows})`,
      );
    }
    const scans = [
      {
        name: "t",
        table: "many",
        revision: 1,
        partitions: keys.map((key) => ({ key, epoch: 1, version: 1 })),
      },
    ];
    const expected = 4 * 60_000 + 56 * 4_000;
    const request = fragment("SELECT i, s FROM t WHERE i >= 0", wide, [], { scans });
    for (let again = 0; again < 2; again++) {
      const { rows } = await evaluate(
        request,
        "count(*) AS n, count(DISTINCT i) AS d, count(*) FILTER (s <> md5(i::VARCHAR)) AS wrong",
      );
      expect(rows).toEqual([{ n: String(expected), d: String(expected), wrong: "0" }]);
    }
    expect((await readAll(executor.runner.run(request, never))).length).toBeLessThan(keys.length / 2);
  });

  test("a large ordered result keeps its order across frames", async () => {
    const request = fragment("SELECT i, s FROM t ORDER BY i DESC", wide, ["a", "b"]);
    const { rows } = await evaluate(
      request,
      "count(*) FILTER (i >= before) AS wrong, count(*) AS n FROM (SELECT i, lag(i) OVER () AS before",
      ")",
    );
    expect(rows).toEqual([{ wrong: "0", n: "1000000" }]);
  });

  test("a large grouped result is complete", async () => {
    const request = fragment("SELECT i, any_value(s) FROM t GROUP BY i", wide, ["a", "b"]);
    const { rows, stats } = await evaluate(request, "count(*) AS n, count(DISTINCT i) AS d");
    expect(rows).toEqual([{ n: "1000000", d: "1000000" }]);
    expect(stats.rows).toBe(1_000_000);
  });

  test("a scan without partitions, and a result without rows, give an empty relation of the right types", async () => {
    const columns: [string, string][] = [
      ["x", "HUGEINT"],
      ["y", "STRUCT(a INTEGER)"],
    ];
    const scans = [{ name: "t", table: "none", revision: 1, partitions: [] }];
    const request = fragment("SELECT * FROM t", columns, [], { scans });
    expect((await evaluate(request, "count(*) AS n, any_value(typeof(x)) AS t")).rows).toEqual([
      { n: "0", t: null },
    ]);
    const counted = fragment("SELECT count(*) FROM t", [["n", "BIGINT"]], [], { scans });
    expect((await evaluate(counted, "n")).rows).toEqual([{ n: "0" }]);
  });

  test("grouping is skipped only where a sample shows that it hardly shrinks the data", async () => {
    const ungrouped = (key: string) => ({ sql: `SELECT i, s, ${key} AS k FROM t`, keys: ["k"], scan: "t" });
    const run = async (key: string, partitions: string[]) => {
      const sql = `SELECT any_value(i), any_value(s) FROM t GROUP BY ${key}`;
      const request = fragment(sql, wide, partitions, { ungrouped: ungrouped(key) });
      return (await evaluate(request, "count(*) AS n")).stats.ungrouped;
    };
    expect(await run("i", ["a", "b"])).toBe(true);
    expect(await run("i % 10", ["a", "b"])).toBe(false);
    expect(await run("i", [])).toBe(false);
  });

  test("an abort stops a running fragment within 100 ms and releases everything", async () => {
    const endless = fragment(
      "SELECT count(*) FROM t x, t y, t z WHERE x.i + y.i * z.i = 3",
      [["n", "BIGINT"]],
      ["a", "b"],
    );
    const waited: number[] = [];
    for (const delay of [0, 1, 5, 150, 150]) {
      const abort = new AbortController();
      const reading = readAll(executor.runner.run(endless, abort.signal));
      reading.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delay));
      const at = performance.now();
      abort.abort(new Error("the client left"));
      await expect(reading).rejects.toThrow("the client left");
      waited.push(performance.now() - at);
    }
    // Others on the machine can only make one longer; the last two had begun to compute.
    expect(Math.min(...waited.slice(-2))).toBeLessThan(100);
    expect(executor.pins).toBe(0);
    expect(await executor.files()).toEqual([]);
    expect(executor.runner.load).toEqual({ running: 0, queued: 0 });
  });

  test("a deadline ends a fragment with a time-out", async () => {
    const endless = fragment(
      "SELECT count(*) FROM t x, t y, t z WHERE x.i + y.i * z.i = 3",
      [["n", "BIGINT"]],
      ["a", "b"],
      { deadlineMs: 100 },
    );
    const result = executor.runner.run(endless, never);
    await expect(readAll(result)).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(result.stats).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("a reader that leaves early leaves nothing behind", async () => {
    for await (const frame of executor.runner.run(fragment("SELECT i, s FROM t", wide, ["a", "b"]), never)
      .frames) {
      expect(frame.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(executor.pins).toBe(0);
    expect(await executor.files()).toEqual([]);
    expect(executor.runner.load).toEqual({ running: 0, queued: 0 });
    expect(await executor.database.rows('SELECT count(*) AS n FROM "t/a"')).toEqual([{ n: "600000" }]);
  });

  test("errors keep their kind: a stale version, wrong SQL, no statement but SELECT", async () => {
    const stale = fragment("SELECT i, s FROM t", wide, ["moved"]);
    await expect(readAll(executor.runner.run(stale, never))).rejects.toMatchObject({
      name: "StalePlanError",
    });
    const wrong = fragment("SELECT nope, s FROM t", wide);
    await expect(readAll(executor.runner.run(wrong, never))).rejects.toMatchObject({ category: "Binder" });
    for (const sql of ['DROP TABLE "t/a"', "SELECT 1; SELECT 2", "SELECT 1) TO 'x'; --", "", "ATTACH 'x'"]) {
      const refused = readAll(executor.runner.run(fragment(sql, wide), never));
      await expect(refused).rejects.toMatchObject({ name: "SqlError" });
    }
    expect(executor.pins).toBe(0);
  });

  test("too little memory is a retriable error", async () => {
    const small = await TestExecutor.start({ memoryLimit: "64MB" });
    try {
      await small.add("t", "a", "SELECT range AS i FROM range(1000)");
      await small.database.run("SET max_temp_directory_size = '1MB'");
      const request = fragment(
        "SELECT list(x.i::VARCHAR || y.i || 'abcdefghijklmnopqrstuvwxyz') FROM t x, t y, range(20)",
        [["l", "VARCHAR[]"]],
      );
      await expect(readAll(small.runner.run(request, never))).rejects.toMatchObject({
        name: "ResourceExhaustedError",
      });
      expect(small.pins).toBe(0);
    } finally {
      await small.stop();
    }
  });

  test("a file that is being attached again is a matter for the next plan", async () => {
    const other = await TestExecutor.start();
    try {
      await other.add("t", "a", "SELECT range AS i FROM range(1000)");
      await other.database.run("ATTACH ':memory:' AS file");
      await other.database.run("CREATE TABLE file.main.data AS SELECT 1::BIGINT AS i");
      await other.database.run('DROP TABLE "t/a"');
      await other.database.run('CREATE VIEW "t/a" AS FROM file.main.data');
      const request = () => fragment("SELECT i FROM t", [["i", "BIGINT"]]);
      await readAll(other.runner.run(request(), never));
      await other.database.run("DETACH file");
      await expect(readAll(other.runner.run(request(), never))).rejects.toMatchObject({
        name: "StalePlanError",
      });
      expect(other.pins).toBe(0);
    } finally {
      await other.stop();
    }
  });

  test("closing the runner ends what runs", async () => {
    const other = await TestExecutor.start();
    await other.add("t", "a", "SELECT range AS i FROM range(1000000)");
    const endless = fragment("SELECT count(*) FROM t x, t y WHERE x.i * y.i = 3", [["n", "BIGINT"]]);
    const reading = readAll(other.runner.run(endless, never));
    reading.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await other.stop();
    await expect(reading).rejects.toMatchObject({ name: "ResourceExhaustedError" });
  });
});
