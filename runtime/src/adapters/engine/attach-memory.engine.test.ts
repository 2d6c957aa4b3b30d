import { expect, test } from "@jest/globals";
import { openDatabase } from "../duckdb/database.ts";
import { attachMemory } from "./attach-memory.ts";

test("many that want one catalogue in memory at once get it", async () => {
  const database = await openDatabase({ threads: 2 });
  try {
    await Promise.all(Array.from({ length: 32 }, () => attachMemory(database, "spice_many")));
    await database.run("CREATE TABLE spice_many.main.t AS SELECT 1 AS a");
    await attachMemory(database, "spice_many");
    expect(await database.rows("SELECT a FROM spice_many.main.t")).toEqual([{ a: 1 }]);
  } finally {
    await database.close();
  }
});

test("one that could not be attached is tried again", async () => {
  const database = await openDatabase({ threads: 1 });
  try {
    await expect(attachMemory(database, "not a name")).rejects.toThrow(/syntax error/);
    await expect(attachMemory(database, "not a name")).rejects.toThrow(/syntax error/);
  } finally {
    await database.close();
  }
});
