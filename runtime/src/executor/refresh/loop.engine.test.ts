import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import { type RefreshEvent, RefreshLoop, type RefreshLoopOptions } from "./loop.ts";

let bed: TableBed;
let events: RefreshEvent[];
beforeEach(async () => {
  bed = await openBed();
  events = [];
});
afterEach(() => bed.close());

const rows = (count: number) => `SELECT range AS id, 'p0' AS part FROM range(${count})`;
const kinds = () => events.map((e) => e.kind).filter((kind) => kind !== "progress");
const settled = async (count: number) => {
  for (let i = 0; i < 200 && kinds().length < count; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
};
async function start(options: Partial<RefreshLoopOptions> = {}) {
  await bed.parquet("a", rows(10));
  const table = await bed.open(
    options.retentionCheckMs === undefined ? {} : { retention: { predicate: "id < 5" } },
  );
  await table.load(assigned("p0"), bed.signal);
  const loop = new RefreshLoop({
    table,
    schedule: { intervalMs: 60_000, jitterMs: 0 },
    retry: { enabled: true, maxAttempts: 2 },
    clock: bed.clock,
    random: { next: () => 0, uuid: () => "0" },
    onEvent: (event) => events.push(event),
    ...options,
  });
  const controller = new AbortController();
  const done = loop.run(controller.signal);
  return {
    table,
    loop,
    async end() {
      controller.abort(new Error("the test is over"));
      await done;
    },
  };
}

test("refreshes at the interval and ends with its signal", async () => {
  const { table, end } = await start();
  await bed.parquet("a", rows(20));
  await bed.clock.advance(59_999);
  expect(table.partitions()[0]?.rows).toBe(10);
  await bed.clock.advance(1);
  await settled(1);
  expect(table.partitions()[0]?.rows).toBe(20);
  await end();
  const before = kinds().length;
  await bed.clock.advance(600_000);
  expect(kinds()).toHaveLength(before);
});

test("tries a failed refresh again with back-off, then gives up until the next interval", async () => {
  const { table, end } = await start();
  rmSync(join(bed.directory, "source"), { recursive: true });
  await bed.clock.advance(60_000);
  await settled(1);
  await bed.clock.advance(1_000);
  await settled(2);
  await bed.clock.advance(1_000);
  await settled(3);
  expect(events.filter((e) => e.kind === "failed").map((e) => e.retryInMs)).toEqual([1000, 1000, null]);
  expect(table.partitions()[0]?.rows).toBe(10);
  await bed.parquet("a", rows(30));
  await bed.clock.advance(60_000);
  await settled(4);
  expect(table.partitions()[0]?.rows).toBe(30);
  await end();
});

test("a request runs once, whoever sends it, and tells its progress", async () => {
  const { loop, end } = await start();
  await bed.parquet("a", rows(40));
  const [first, second] = await Promise.all([loop.request("r1", {}), loop.request("r1", {})]);
  expect(first).toBe(second);
  expect(await loop.request("r1", {})).toBe(first);
  expect(first.rows).toBe(40);
  expect(kinds()).toEqual(["finished"]);
  expect(
    events.some((e) => e.kind === "progress" && e.progress.phase === "writing" && e.progress.rows === 40),
  ).toBe(true);
  expect((await loop.request("r2", {})).unchanged).toBe(true);
  rmSync(join(bed.directory, "source"), { recursive: true });
  await expect(loop.request("r3", {})).rejects.toMatchObject({ name: "SourceError" });
  await end();
});

test("retention runs at its own interval", async () => {
  const { table, end } = await start({ retentionCheckMs: 10_000, schedule: { jitterMs: 0 } });
  await bed.clock.advance(10_000);
  await settled(1);
  expect(events).toEqual([{ kind: "retained", rows: 5 }]);
  expect(table.partitions()[0]?.rows).toBe(5);
  await end();
});
