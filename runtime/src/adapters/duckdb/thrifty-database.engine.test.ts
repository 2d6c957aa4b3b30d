import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Connection, Database } from "../../ports/database.ts";
import { openDatabase } from "./database.ts";
import { memorySize } from "./memory-steps.ts";
import { thriftyDatabase } from "./thrifty-database.ts";

const [usualBytes, mostBytes] = [16 * 2 ** 20, 128 * 2 ** 20];
const [usual, most] = ["16.0 MiB", "128.0 MiB"];

let directory: string;
let inner: Database;
let database: Database;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "thrifty-"));
  inner = await openDatabase({
    threads: 1,
    memoryLimit: memorySize(usualBytes),
    tempDirectory: join(directory, "spill"),
  });
  database = thriftyDatabase(inner, { usualBytes, mostBytes });
});
afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

/** What the engine has, without a statement that could change it. */
async function limit(): Promise<unknown> {
  const [row] = await inner.rows("SELECT current_setting('memory_limit') AS most");
  return row?.["most"];
}

async function rowsOf(connection: Connection, sql: string): Promise<number> {
  let rows = 0;
  for await (const chunk of (await connection.stream(sql)).chunks) rows += chunk.rowCount;
  return rows;
}

/** Lists cannot spill: the first takes some 40 MB, the second more than the most. */
const list = (rows: number) => `SELECT len(list(hash(i)))::INT AS n FROM range(${rows}) t(i)`;
const unspillable = list(2_000_000);
const tooLarge = list(12_000_000);

describe("thriftyDatabase", () => {
  test("keeps the usual limit for what spills, and for small results", async () => {
    const groups =
      "SELECT count(*)::INT AS n, sum(c)::INT AS s FROM (SELECT md5(i::VARCHAR) AS g, count(*) AS c FROM range(300000) t(i) GROUP BY g)";
    expect(await database.rows(groups)).toEqual([{ n: 300_000, s: 300_000 }]);
    await database.withConnection(async (connection) => {
      expect(await rowsOf(connection, "SELECT i FROM range(4000) t(i)")).toBe(4000);
      expect(await limit()).toBe(usual);
    });
  });

  test("runs a statement that needs more once more, and goes back when it is over", async () => {
    await expect(inner.rows(unspillable)).rejects.toMatchObject({ category: "Out of Memory" });
    expect(await database.rows(unspillable)).toEqual([{ n: 2_000_000 }]);
    await database.withConnection(async (connection) => {
      expect(await rowsOf(connection, unspillable)).toBe(1);
      expect(await limit()).toBe(most);
      // Somebody holds it still.
      expect(await database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      expect(await limit()).toBe(most);
    });
    expect(await database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(await limit()).toBe(usual);
  });

  test("gives a result that cannot begin again the most until its connection is released", async () => {
    const connection = await database.acquire();
    const stream = await connection.stream("SELECT i FROM range(100000) t(i)");
    expect(await limit()).toBe(most);
    let sum = 0;
    for await (const chunk of stream.chunks) sum += chunk.rowCount;
    expect(sum).toBe(100_000);
    connection.release();
    expect(await database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(await limit()).toBe(usual);
  });

  test("fails what the most is too little for, and goes on", async () => {
    await expect(database.rows(tooLarge)).rejects.toMatchObject({ category: "Out of Memory" });
    await database.withConnection(async (connection) => {
      await expect(connection.stream(tooLarge)).rejects.toMatchObject({ category: "Out of Memory" });
    });
    expect(await database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(await limit()).toBe(usual);
  });

  test("does not repeat a statement that fails for another reason", async () => {
    let runs = 0;
    const counted: Database = {
      ...inner,
      acquire: async () => {
        const connection = await inner.acquire();
        return {
          ...connection,
          rows: (sql, options) => {
            runs += 1;
            return connection.rows(sql, options);
          },
          release: () => connection.release(),
        };
      },
    };
    const once = thriftyDatabase(counted, { usualBytes, mostBytes });
    await expect(once.rows("SELECT nothing")).rejects.toMatchObject({ category: "Binder" });
    expect(runs).toBe(1);
    await expect(once.rows("SELECT 1", { signal: AbortSignal.abort(new Error("left")) })).rejects.toThrow(
      "left",
    );
    expect(runs).toBe(2);
  });
});
