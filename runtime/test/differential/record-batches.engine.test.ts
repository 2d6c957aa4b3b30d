import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DataType, type Table, tableFromIPC, type Vector } from "apache-arrow";
import * as fc from "fast-check";
import { isBatchMessage } from "../../src/adapters/arrow/batch-encoder.ts";
import { plainValue } from "../../src/adapters/arrow/testing/plain-value.ts";
import { batchTypes } from "../../src/adapters/exchange/frames/record-batches.ts";
import { collect } from "../../src/adapters/exchange/testing/collect.ts";
import { fragment, readAll, TestExecutor } from "../../src/adapters/exchange/testing/executor.ts";
import { fileSpool } from "../../src/adapters/spool/file-spool.ts";
import { arrowFormat } from "../../src/api/http/formats/arrow/arrow-format.ts";
import { typeValues } from "../../src/core/query/testing/type-values.ts";
import type { RowStream } from "../../src/ports/query-service.ts";
import type { SpoolStore } from "../../src/ports/spool.ts";

const never = new AbortController().signal;

/** The two ways of a result to an Arrow client: record batches of the executor, and Parquet frames encoded again. */
describe("record batches of executors are those of the scheduler", () => {
  let executor: TestExecutor;
  let directory: string;
  let spools: SpoolStore;
  let table = "";
  let tables = 0;
  beforeAll(async () => {
    executor = await TestExecutor.start({ threads: 2 });
    directory = await mkdtemp(join(tmpdir(), "spool-"));
    // One for all: the engine keeps what it read of a file by its name.
    spools = fileSpool({ directory, maxBytes: 1 << 30 });
  });
  afterAll(async () => {
    await executor.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** A table `t` of these types with a row number `i`; every value of a type comes up, and NULL. */
  async function fill(types: readonly string[], rows: number, seed: number) {
    // A version of a partition never changes, so neither does a relation's name stand for two.
    table = `t${tables++}`;
    const joins = types.map((type, c) => {
      const values = [...(typeValues[type] ?? []), "NULL"];
      const list = values.map((value, k) => `SELECT ${k} AS k, CAST(${value} AS ${type}) AS v`);
      return `JOIN (${list.join(" UNION ALL ")}) AS j${c} ON j${c}.k = hash(i, ${seed + c}) % ${values.length}`;
    });
    const columns = types.map((_, c) => `j${c}.v AS v${c}`);
    await executor.add(
      table,
      "a",
      `SELECT i, ${columns.join(", ")} FROM range(${rows}) AS r(i) ${joins.join(" ")}`,
    );
    return [["i", "BIGINT"] as const, ...types.map((type, c) => [`v${c}`, type] as const)] as [
      name: string,
      type: string,
    ][];
  }

  /** What both ways give, in order of `i`: an Arrow schema with rows, or why there is none. */
  async function both(columns: readonly [name: string, type: string][]) {
    const sql = `SELECT ${columns.map(([name]) => name).join(", ")} FROM t`;
    const scans = [{ name: "t", table, revision: 1, partitions: [{ key: "a", epoch: 1, version: 1 }] }];
    const request = fragment(sql, columns, ["a"], { scans });
    const named = request.columns;
    const types = batchTypes(named) ?? [];
    const batches = await outcome(async () => {
      const frames = await readAll(executor.runner.run({ ...request, recordBatches: true }, never));
      expect(frames.map(isBatchMessage)).toEqual(frames.map(() => true));
      const list = types.map((duckType, i) => ({
        name: named[i]!.name,
        type: duckType.toString(),
        duckType,
      }));
      return encoded({ columns: list, chunks: of([]), batches: of(frames) });
    });
    const spool = await spools.open("q");
    try {
      const parquet = await outcome(async () => {
        const { sql: from } = await collect(spool, executor.runner.run(request, never), named);
        return executor.database.withConnection(async (c) =>
          encoded(await c.stream(`SELECT * FROM ${from}`)),
        );
      });
      return { batches, parquet };
    } finally {
      await spool.close();
      expect(executor.pins).toBe(0);
    }
  }

  const travelling = Object.keys(typeValues).filter((type) => type !== "GEOMETRY");

  test.each(travelling)("%s", async (type) => {
    const { batches, parquet } = await both(await fill([type], 300, 1));
    expect(batches).toEqual(parquet);
    const counted = "rows" in batches ? batches.rows.length : batches.error;
    expect(counted).toEqual(/INTERVAL/.test(type) && "error" in batches ? expect.stringMatching(/292/) : 300);
  });

  test("several columns of any types and any number of rows", async () => {
    const types = fc.uniqueArray(fc.constantFrom(...travelling.filter((type) => type !== "INTERVAL")), {
      minLength: 1,
      maxLength: 5,
    });
    const rows = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_000 }), fc.constant(40_000));
    await fc.assert(
      fc.asyncProperty(types, rows, fc.integer({ min: 0, max: 1e6 }), async (chosen, count, seed) => {
        const { batches, parquet } = await both(await fill(chosen, count, seed));
        expect(batches).toEqual(parquet);
      }),
      { numRuns: 8 },
    );
  }, 60_000);

  test("what only the engine can name travels as Parquet", async () => {
    const types = ["GEOMETRY", "STRUCT(INTEGER)", '"NULL"', "VARIANT"];
    for (const type of types) expect(batchTypes([{ type }])).toBeUndefined();
    await executor.add("g", "a", "SELECT 'POINT (1 2)'::GEOMETRY AS v");
    const scans = [{ name: "t", table: "g", revision: 1, partitions: [{ key: "a", epoch: 1, version: 1 }] }];
    const request = fragment("SELECT v FROM t", [["v", "GEOMETRY"]], ["a"], { recordBatches: true, scans });
    const frames = await readAll(executor.runner.run(request, never));
    expect(frames.map((frame) => Buffer.from(frame.subarray(0, 4)).toString())).toEqual(["PAR1"]);
  });
});

type Outcome = { readonly schema: string; readonly rows: readonly string[] } | { readonly error: string };

async function outcome(run: () => Promise<Table>): Promise<Outcome> {
  let table: Table;
  try {
    table = await run();
  } catch (error) {
    return { error: String((error as { message?: unknown }).message) };
  }
  const columns = table.schema.fields.map((_, i) => valuesOf(table.getChildAt(i)!));
  const rows = Array.from({ length: table.numRows }, (_, row) => columns.map((column) => column[row]));
  rows.sort((a, b) => Number(a[0]) - Number(b[0]));
  return { schema: String(table.schema), rows: rows.map((row) => JSON.stringify(row, exact)) };
}

function valuesOf(column: Vector): unknown[] {
  if (!DataType.isTimestamp(column.type)) return [...column].map(plainValue);
  // The reader makes numbers of timestamps, and some are too large for that.
  return column.data.flatMap((part) =>
    Array.from({ length: part.length }, (_, i) => (part.getValid(i) ? part.values[i] : null)),
  );
}

/** Keeps what JSON would lose: the width of integers, NaN, the sign of zero. */
function exact(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value;
}

async function encoded(stream: RowStream): Promise<Table> {
  const parts: Uint8Array[] = [];
  for await (const part of arrowFormat.encode(stream)) parts.push(Buffer.from(part as Uint8Array));
  return tableFromIPC(Buffer.concat(parts));
}

async function* of<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}
