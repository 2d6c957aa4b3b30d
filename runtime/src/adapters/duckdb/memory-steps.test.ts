import { expect, test } from "@jest/globals";
import { type Database, SqlError } from "../../ports/database.ts";
import { MemorySteps } from "./memory-steps.ts";

/** An engine that only knows its limit, and refuses one below what is in use. */
function engine() {
  const state = { limit: "64MiB", set: 0, usedMiB: 0, broken: false };
  const database: Pick<Database, "run"> = {
    async run(sql) {
      const size = /^SET GLOBAL memory_limit = '(\d+MiB)'$/.exec(sql)?.[1] ?? "";
      await Promise.resolve();
      if (state.broken) throw new SqlError("it is closed", { category: "Connection", sql });
      if (Number.parseInt(size, 10) < state.usedMiB) {
        throw new SqlError("could not free up enough memory", { category: "Out of Memory", sql });
      }
      state.limit = size;
      state.set += 1;
      return 0;
    },
  };
  const steps = new MemorySteps(database, { usualBytes: 64 * 2 ** 20, mostBytes: 512 * 2 ** 20 });
  return { state, steps };
}

test("the most is in force while anybody holds it", async () => {
  const { state, steps } = engine();
  await steps.settle();
  expect(state).toMatchObject({ limit: "64MiB", set: 0 });
  const [first, second] = await Promise.all([steps.raise(), steps.raise()]);
  expect(state).toMatchObject({ limit: "512MiB", set: 1 });
  first();
  first();
  await steps.settle();
  expect(state.limit).toBe("512MiB");
  second();
  await Promise.all([steps.settle(), steps.settle()]);
  expect(state).toMatchObject({ limit: "64MiB", set: 2 });
});

test("who raises while the limit goes down has the most all the same", async () => {
  const { state, steps } = engine();
  (await steps.raise())();
  const settled = steps.settle();
  const release = await steps.raise();
  await settled;
  expect(state.limit).toBe("512MiB");
  release();
  await steps.settle();
  expect(state.limit).toBe("64MiB");
});

test("what is in use keeps the most, and the next statement tries again", async () => {
  const { state, steps } = engine();
  (await steps.raise())();
  state.usedMiB = 100;
  await steps.settle();
  expect(state.limit).toBe("512MiB");
  state.usedMiB = 0;
  await steps.settle();
  expect(state.limit).toBe("64MiB");
});

test("a limit that cannot be set is told, and holds nothing", async () => {
  const { state, steps } = engine();
  state.broken = true;
  await expect(steps.raise()).rejects.toThrow("it is closed");
  state.broken = false;
  (await steps.raise())();
  state.broken = true;
  await expect(steps.settle()).rejects.toThrow("it is closed");
  state.broken = false;
  await steps.settle();
  expect(state.limit).toBe("64MiB");
});
