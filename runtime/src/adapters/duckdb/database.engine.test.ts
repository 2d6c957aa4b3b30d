import { DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Database } from "../../ports/database.ts";
import { openDatabase } from "./database.ts";

describe("openDatabase", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ threads: 1, memoryLimit: "256MB" });
  });
  afterAll(() => database.close());

  test("reads rows as JSON with 64-bit integers kept exact", async () => {
    expect(await database.rows("SELECT 9007199254740993 AS big, [1, 2] AS list, NULL AS nothing")).toEqual([
      { big: "9007199254740993", list: [1, 2], nothing: null },
    ]);
  });

  test("streams a large result chunk by chunk", async () => {
    const rows = await database.withConnection(async (connection) => {
      const stream = await connection.stream("SELECT range AS i FROM range(100000)");
      expect(stream.columns.map(({ name, type }) => ({ name, type }))).toEqual([
        { name: "i", type: "BIGINT" },
      ]);
      let count = 0;
      for await (const chunk of stream.chunks) count += chunk.rowCount;
      return count;
    });
    expect(rows).toBe(100000);
  });

  test("rejects when a result fails or is interrupted after its first chunks", async () => {
    const count = (sql: string, signal?: AbortSignal, afterFirst?: () => void) =>
      database.withConnection(async (connection) => {
        const stream = await connection.stream(sql, signal === undefined ? {} : { signal });
        let rows = 0;
        for await (const chunk of stream.chunks) {
          rows += chunk.rowCount;
          afterFirst?.();
        }
        return rows;
      });
    const late = "SELECT CASE WHEN i < 1000000 THEN i ELSE error('late') END FROM range(1000001) t(i)";
    await expect(count(late)).rejects.toMatchObject({ name: "SqlError", category: "Query" });
    const controller = new AbortController();
    const endless = count("SELECT i FROM range(100000000000) t(i)", controller.signal, () =>
      controller.abort(new Error("enough")),
    );
    await expect(endless).rejects.toThrow("enough");
    expect(await count("SELECT i FROM range(1000001) t(i)")).toBe(1000001);
  });

  test("interrupts a statement when its signal aborts", async () => {
    const endless = database.run("SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3", {
      signal: AbortSignal.timeout(100),
    });
    await expect(endless).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("names the class of an engine error", async () => {
    await expect(database.run("SELEC 1")).rejects.toMatchObject({ name: "SqlError", category: "Parser" });
    await expect(database.run("SELEC 1", { parameters: [1] })).rejects.toMatchObject({ category: "Parser" });
    await expect(database.run("SELECT nope")).rejects.toMatchObject({ category: "Binder" });
    await expect(database.run("SELECT * FROM nope")).rejects.toMatchObject({ category: "Catalog" });
  });

  test("says once when the engine calls the whole instance invalid, and not for other errors", async () => {
    const said: string[] = [];
    const other = await openDatabase({
      threads: 1,
      memoryLimit: "64MB",
      onInvalid: (error) => said.push(error.message),
    });
    const run = jest.spyOn(DuckDBConnection.prototype, "run");
    try {
      await expect(other.run("SELECT nothing")).rejects.toMatchObject({ category: "Binder" });
      expect(said).toEqual([]);
      const fatal = "FATAL Error: Failed: database has been invalidated because of a previous fatal error.";
      for (let i = 0; i < 2; i++) {
        run.mockRejectedValueOnce(new Error(fatal));
        await expect(other.run("CHECKPOINT")).rejects.toMatchObject({ category: "FATAL", message: fatal });
      }
      expect(said).toEqual([fatal]);
    } finally {
      run.mockRestore();
      await other.close();
    }
  });
});
