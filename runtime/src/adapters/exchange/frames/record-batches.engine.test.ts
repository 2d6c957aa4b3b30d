import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Table, tableFromIPC } from "apache-arrow";
import type { FragmentRequest } from "../../../ports/exchange.ts";
import { arrowSchema } from "../../arrow/arrow-type.ts";
import { BatchEncoder, endOfStream, isBatchMessage } from "../../arrow/batch-encoder.ts";
import { fragment, readAll, TestExecutor } from "../testing/executor.ts";
import { batchTypes } from "./record-batches.ts";

const never = new AbortController().signal;
const wide: [string, string][] = [
  ["i", "BIGINT"],
  ["s", "VARCHAR"],
];

describe("a fragment whose reader takes record batches", () => {
  let executor: TestExecutor;
  beforeAll(async () => {
    // One place to compute: whoever holds it for no reason stops the others.
    executor = await TestExecutor.start({ threads: 2, concurrent: 1 });
    await executor.add("t", "a", "SELECT range AS i, 'payload-' || hash(range) AS s FROM range(300000)");
    await executor.add("t", "b", "SELECT range AS i, 'p' || range AS s FROM range(300000, 500000)");
  });
  afterAll(() => executor.stop());

  const batches = (sql: string, columns = wide, more: Partial<FragmentRequest> = {}) =>
    fragment(sql, columns, ["a", "b"], { recordBatches: true, ...more });
  const run = (request: FragmentRequest, signal = never) => executor.runner.run(request, signal);

  async function expectNothingLeft() {
    expect(executor.pins).toBe(0);
    expect(await executor.files()).toEqual([]);
    expect(executor.runner.load).toEqual({ running: 0, queued: 0 });
    expect(await executor.database.rows('SELECT count(*) AS n FROM "t/b"')).toEqual([{ n: "200000" }]);
  }

  function tableOf(frames: readonly Uint8Array[], columns: readonly [string, string][]): Table {
    const named = columns.map(([name, type]) => ({ name, type }));
    const types = batchTypes(named)!;
    const list = types.map((duckType, i) => ({ ...named[i]!, duckType }));
    const { schemaMessage } = new BatchEncoder(types, arrowSchema(list));
    return tableFromIPC(Buffer.concat([schemaMessage, ...frames, endOfStream]));
  }

  test("comes as many bounded frames, every row once, also the second time", async () => {
    for (let round = 0; round < 3; round++) {
      const result = run(batches("SELECT i, s FROM t"));
      const frames = await readAll(result);
      expect(frames.every(isBatchMessage)).toBe(true);
      expect(frames.length).toBeGreaterThan(20);
      expect(Math.max(...frames.map((f) => f.byteLength))).toBeLessThan(2 << 20);
      const rows = tableOf(frames, wide).getChild("i")!;
      expect(new Set(rows).size).toBe(500_000);
      expect(await result.stats).toMatchObject({ rows: 500_000, ungrouped: false });
      await expectNothingLeft();
    }
  });

  test("keeps the order of an ordered result, and needs no row for an empty one", async () => {
    const ordered = await readAll(run(batches("SELECT i, s FROM t ORDER BY i DESC")));
    const first = [...tableOf(ordered, wide).getChild("i")!].slice(0, 40_000).map(Number);
    expect(first).toEqual(Array.from({ length: 40_000 }, (_, k) => 499_999 - k));
    expect(await readAll(run(batches("SELECT i, s FROM t WHERE i < 0")))).toEqual([]);
  });

  test("holds no place while its reader waits", async () => {
    const slow = run(batches("SELECT i, s FROM t")).frames[Symbol.asyncIterator]();
    expect((await slow.next()).done).toBe(false);
    const other = await readAll(run(batches("SELECT sum(i) AS n FROM t", [["n", "HUGEINT"]])));
    expect(tableOf(other, [["n", "HUGEINT"]]).numRows).toBe(1);
    expect((await slow.next()).done).toBe(false);
    await slow.return?.();
    await expectNothingLeft();
  });

  test("ends with its reader's signal, at any time", async () => {
    const endless = batches("SELECT count(*) AS n FROM t x, t y WHERE x.i * y.i = 3", [["n", "BIGINT"]]);
    for (const delay of [0, 1, 100]) {
      const abort = new AbortController();
      const reading = readAll(run(endless, abort.signal));
      reading.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delay));
      abort.abort(new Error("the client left"));
      await expect(reading).rejects.toThrow("the client left");
    }
    const late = run({ ...endless, deadlineMs: 100 });
    await expect(readAll(late)).rejects.toMatchObject({ name: "TimeoutError" });
    await expectNothingLeft();
  });

  test("fails as a whole when the statement fails after the first rows", async () => {
    const result = run(batches("SELECT CASE WHEN i < 499000 THEN i ELSE error('late') END AS i, s FROM t"));
    await expect(readAll(result)).rejects.toMatchObject({ name: "SqlError" });
    await expect(result.stats).rejects.toMatchObject({ name: "SqlError" });
    await expectNothingLeft();
  });

  test("keeps the kinds of errors", async () => {
    const stale = fragment("SELECT i, s FROM t", wide, ["moved"], { recordBatches: true });
    await expect(readAll(run(stale))).rejects.toMatchObject({ name: "StalePlanError" });
    await expect(readAll(run(batches("SELECT nope, s FROM t")))).rejects.toMatchObject({
      category: "Binder",
    });
    for (const sql of ['DROP TABLE "t/a"', "SELECT 1; SELECT 2", "SELECT 1) AS f; DROP TABLE x; --", ""]) {
      await expect(readAll(run(batches(sql)))).rejects.toMatchObject({ name: "SqlError" });
    }
    await expectNothingLeft();
  });

  test("is Parquet where the engine's types are not those declared, and for a step of an aggregation", async () => {
    const isParquet = (frames: readonly Uint8Array[]) =>
      frames.map((frame) => Buffer.from(frame.subarray(0, 4)).toString("latin1"));
    const other = batches("SELECT min(i) AS i, min(s) AS s FROM t", [
      ["i", "HUGEINT"],
      ["s", "VARCHAR"],
    ]);
    expect(isParquet(await readAll(run(other)))).toEqual(["PAR1"]);
    const grouped = batches("SELECT i % 2 AS i, min(s) AS s FROM t GROUP BY 1", wide, {
      ungrouped: { sql: "SELECT i % 2 AS i, s FROM t", keys: ["i"], scan: "t" },
    });
    expect(isParquet(await readAll(run(grouped)))).toEqual(["PAR1"]);
    await expectNothingLeft();
  });
});
