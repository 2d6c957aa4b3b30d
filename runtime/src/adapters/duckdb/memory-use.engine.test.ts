import { expect, test } from "@jest/globals";
import { openDatabase } from "./database.ts";
import { memoryUse } from "./memory-use.ts";

test("tells what an engine holds, and what is left of its limit", async () => {
  const database = await openDatabase({ threads: 1, memoryLimit: "256MiB" });
  try {
    const before = await memoryUse(database);
    expect(before.used + before.free).toBe(256 * 2 ** 20);
    await database.run("CREATE TABLE t AS SELECT hash(range) AS h FROM range(1000000)");
    const after = await memoryUse(database);
    expect(after.used - before.used).toBeGreaterThan(4e6);
    expect(after.used + after.free).toBe(256 * 2 ** 20);
  } finally {
    await database.close();
  }
});
