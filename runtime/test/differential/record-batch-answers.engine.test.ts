import { afterEach, describe, expect, test } from "@jest/globals";
import { tableFromIPC } from "apache-arrow";
import { arrowSchema } from "../../src/adapters/arrow/arrow-type.ts";
import { BatchEncoder, endOfStream } from "../../src/adapters/arrow/batch-encoder.ts";
import { fileSpool } from "../../src/adapters/spool/file-spool.ts";
import { arrowFormat } from "../../src/api/http/formats/arrow/arrow-format.ts";
import { decodeSelect } from "../../src/core/query/wire-type.ts";
import {
  type Exchange,
  ExecutorUnavailableError,
  type FragmentRequest,
  StalePlanError,
} from "../../src/ports/exchange.ts";
import { InProcessCluster, type InProcessOptions } from "./in-process-cluster.ts";

/** How executors answer a request for record batches. */
interface Behaviour {
  /** Executors that do not know of record batches. */
  readonly old?: readonly string[];
  /** Fails a fragment, counted from zero, before its frame number `frame`. */
  readonly fault?: (call: number, frame: number) => Error | undefined;
}

describe("an answer of record batches", () => {
  let cluster: InProcessCluster;
  let requests: FragmentRequest[] = [];
  afterEach(async () => {
    await cluster.close();
    requests = [];
  });

  async function start(behaviour: Behaviour = {}, options: Partial<InProcessOptions> = {}) {
    cluster = await InProcessCluster.start({
      executors: 3,
      tables: [
        {
          name: "t",
          select:
            "SELECT i, i % 10 AS k, CASE WHEN i % 3 = 0 THEN NULL ELSE 'text ' || i END AS s FROM range(30000) r(i)",
          partitionBy: ["i % 6"],
        },
      ],
      exchange: (inner) => sending(inner, behaviour),
      ...options,
    });
  }

  /** An exchange whose executors make record batches of 2,048 rows out of what `inner` gives. */
  function sending(inner: Exchange, { old = [], fault }: Behaviour): Exchange {
    let calls = 0;
    return {
      run(executor, request, signal) {
        requests.push(request);
        const call = calls++;
        const result = inner.run(executor, request, signal);
        if (request.recordBatches !== true || old.includes(executor)) return result;
        async function* frames() {
          const sent: Uint8Array[] = [];
          for await (const frame of result.frames) sent.push(...(await asBatches(frame, request)));
          for (const [number, frame] of sent.entries()) {
            const error = fault?.(call, number);
            if (error !== undefined) throw error;
            yield frame;
          }
        }
        return { frames: frames(), stats: result.stats };
      },
    };
  }

  async function asBatches(frame: Uint8Array, request: FragmentRequest): Promise<Uint8Array[]> {
    const spool = await fileSpool({ directory: `${cluster.spoolDirectory}-sent`, maxBytes: 1 << 30 }).open(
      crypto.randomUUID(),
    );
    try {
      const source = decodeSelect(`read_parquet('${await spool.write(frame)}')`, request.columns);
      return await cluster.store.withConnection(async (connection) => {
        const { columns, chunks } = await connection.stream(source);
        const messages: Uint8Array[] = [];
        for await (const chunk of chunks) {
          const encoder = new BatchEncoder(
            columns.map(({ duckType }) => duckType),
            arrowSchema(columns),
          );
          messages.push(...[...encoder.add(chunk), ...encoder.flush()].map(({ bytes }) => bytes));
        }
        return messages;
      });
    } finally {
      await spool.close();
    }
  }

  async function ask(sql: string) {
    const result = await cluster.service.query({
      sql,
      recordBatches: true,
      signal: new AbortController().signal,
    });
    const parts: Uint8Array[] = [];
    let error: unknown;
    try {
      for await (const part of arrowFormat.encode(result)) parts.push(Buffer.from(part as Uint8Array));
    } catch (failure) {
      error = failure;
    } finally {
      await result.close();
    }
    const bytes = Buffer.concat(parts);
    return { bytes, error, stats: result.stats, batches: result.batches !== undefined };
  }

  const rowsOf = (bytes: Uint8Array) =>
    [...tableFromIPC(bytes)].map((row) => ({ i: Number(row["i"]), s: row["s"] as string | null }));
  const expected = (rows: number) =>
    Array.from({ length: rows }, (_, i) => ({ i, s: i % 3 === 0 ? null : `text ${i}` }));

  test.each([[[]], [["e1"]], [["e0", "e1", "e2"]]])(
    "is whole when %j send Parquet",
    async (old: string[]) => {
      await start({ old });
      const { bytes, error, stats, batches } = await ask("SELECT i, s FROM t");
      expect(error).toBeUndefined();
      expect(batches).toBe(true);
      expect(rowsOf(bytes).sort((a, b) => a.i - b.i)).toEqual(expected(30_000));
      expect(stats).toMatchObject({ fetchedRows: 30_000, executors: ["e0", "e1", "e2"] });
      expect(bytes.subarray(-8)).toEqual(Buffer.from(endOfStream));
    },
  );

  test("without rows is a schema and the end, with the names of the statement", async () => {
    await start();
    const { bytes } = await ask('SELECT i AS "a b", s AS "c""d", k FROM t WHERE i < 0');
    const table = tableFromIPC(bytes);
    expect(table.numRows).toBe(0);
    expect(String(table.schema)).toBe('Schema<{ 0: a b: Int64, 1: c"d: Utf8, 2: k: Int64 }>');
  });

  test("is asked for only where fragments are the answer", async () => {
    await start();
    for (const sql of [
      "SELECT k, count(*) FROM t GROUP BY k",
      "SELECT i, s FROM t ORDER BY i LIMIT 3",
      "SELECT DISTINCT k FROM t",
      "EXPLAIN ANALYZE SELECT i FROM t",
      "SUMMARIZE SELECT i FROM t",
      "SELECT a.i FROM t a JOIN t b ON a.i = b.k",
    ]) {
      const { error, batches } = await ask(sql);
      expect([sql, error, batches]).toEqual([sql, undefined, false]);
    }
    expect(requests.length).toBeGreaterThan(8);
    expect(requests.filter(({ recordBatches }) => recordBatches === true)).toEqual([]);
  });

  test("is planned again for a stale plan before the first row, with every row once", async () => {
    const fault = (call: number) => (call < 3 ? new StalePlanError("newer") : undefined);
    await start({ fault });
    const { bytes, error } = await ask("SELECT i, s FROM t");
    expect(error).toBeUndefined();
    expect(rowsOf(bytes).sort((a, b) => a.i - b.i)).toEqual(expected(30_000));
    expect(requests.length).toBeGreaterThan(3);
  });

  test.each([
    ["an executor that goes away", new ExecutorUnavailableError("e1", "e1 went away")],
    ["a stale plan", new StalePlanError("newer")],
  ])("breaks for %s after the first row, and never looks complete", async (_name, failure) => {
    await start({ fault: (call, frame) => (call === 1 && frame === 2 ? failure : undefined) });
    const { bytes, error } = await ask("SELECT i, s FROM t");
    expect(String((error as Error).message)).toMatch(/went away|kept changing/);
    expect(bytes.subarray(-8)).not.toEqual(Buffer.from(endOfStream));
    expect(requests).toHaveLength(3);
  });

  test("ends its fragments when the reader leaves or the time is over", async () => {
    const signals: AbortSignal[] = [];
    await start(
      {},
      {
        exchange: (inner) => ({
          run: (executor, request, signal) => {
            signals.push(signal);
            return sending(inner, {}).run(executor, request, signal);
          },
        }),
      },
    );
    const result = await cluster.service.query({
      sql: "SELECT i, s FROM t",
      recordBatches: true,
      timeoutMs: 300,
      signal: new AbortController().signal,
    });
    const reader = arrowFormat.encode(result);
    expect((await reader.next()).done).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await expect(reader.next()).rejects.toThrow("The query did not finish within 300 ms");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    await result.close();
  });
});
