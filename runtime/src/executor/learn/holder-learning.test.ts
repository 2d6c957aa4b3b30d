import { expect, test } from "@jest/globals";
import { holderBed, key, settle, share, told } from "../../../test/support/holder-bed.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { ExecutorUnavailableError, StalePlanError } from "../../ports/exchange.ts";

test("a learner copies from the owner, follows it, and becomes owner without loading anything", async () => {
  const { holder, table, clock, owner, reports, end } = holderBed();
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7"]);
  expect(owner.asked).toEqual([
    { executor: "e1:50052", request: { table: "spice.public.t", key, epoch: 4, haveVersion: 0 } },
  ]);
  await clock.advance(1_000);
  await settle();
  owner.version = 8;
  await clock.advance(1_000);
  await settle();
  expect(owner.asked.map(({ request }) => request.haveVersion)).toEqual([0, 7, 7]);
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7", "loaded 4.8"]);
  holder.hold(share(2, { key, epoch: 5, role: "owner" }));
  // At once: not after whatever else is being loaded.
  expect(told(reports).at(-1)).toBe("loaded 5.8");
  expect(table.held.get(key)).toMatchObject({ role: "owner", epoch: 5 });
  await settle();
  await clock.advance(10_000);
  await settle();
  // Neither asked any more, nor read from the source, nor refreshed: the copy was the newest to the end.
  expect([owner.asked.length, table.loads, table.held.get(key)?.version]).toEqual([3, [], 8]);
  await end();
});

test("a learner waits for an owner that is away, and refreshes once when it inherits from one", async () => {
  const { holder, table, clock, owner, reports, end } = holderBed();
  owner.error = new ExecutorUnavailableError("e1:50052", "gone");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  for (let i = 0; i < 20; i++) await clock.advance(1_000);
  // Fibonacci from half a second: 0.5, 0.5, 1, 1.5, 2.5, 4, 6.5, ….
  expect(owner.asked).toHaveLength(8);
  expect(told(reports)).toEqual(["loading 4.0"]);
  owner.error = undefined;
  await clock.advance(10_000);
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7"]);
  owner.error = new ExecutorUnavailableError("e1:50052", "gone");
  for (let i = 0; i < 10; i++) await clock.advance(1_000);
  holder.hold(share(2, { key, epoch: 5, role: "owner" }));
  await settle();
  // The owner may have had a newer version: the source has it too.
  expect([table.loads, table.held.get(key)?.version]).toEqual([[], 8]);
  await end();
});

test("a learner tells why it cannot take the copy, and goes on trying", async () => {
  const { holder, clock, owner, reports, end } = holderBed();
  owner.error = new Error("the columns differ");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(reports.at(-1)).toMatchObject({ state: "failed", epoch: 4, error: "the columns differ" });
  owner.error = undefined;
  await clock.advance(1_000);
  await settle();
  expect(reports.at(-1)).toMatchObject({ state: "loaded", epoch: 4, version: 7 });
  expect(reports.at(-1)?.error).toBeUndefined();
  await end();
});

test("a learner without an owner loads from the source; one with another owner copies anew", async () => {
  const { holder, table, owner, reports, end } = holderBed();
  holder.hold(share(1, { key, epoch: 4, role: "learner" }));
  await settle();
  expect([table.loads, owner.asked, told(reports)]).toEqual([[[key]], [], ["loading 4.0", "loaded 4.1"]]);
  holder.hold(share(2, { key, epoch: 5, role: "learner", from: "e2:50052" }));
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.1", "loading 5.0", "loaded 5.7"]);
  expect(owner.asked.map(({ request }) => request.haveVersion)).toEqual([0]);
  // Its owner is lost: what it has is the best there is.
  holder.hold(share(3, { key, epoch: 6, role: "learner" }));
  await settle();
  expect([table.loads.length, told(reports).at(-1)]).toEqual([1, "loaded 6.7"]);
  await end();
});

test("what an owner has can be learned while the source is down: its columns come from there", async () => {
  const opened: (readonly SqlColumn[] | undefined)[] = [];
  const { holder, clock, owner, reports, tables, served, end } = holderBed(async (table, columns) => {
    opened.push(columns);
    if (columns === undefined) throw new Error("the source is down");
    return table;
  });
  await settle();
  expect([opened, owner.asked, tables.at(-1)?.error]).toEqual([[undefined], [], "the source is down"]);
  // The owner has not heard of the assignment yet.
  owner.error = new StalePlanError("not owned here");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(served).toEqual([]);
  owner.error = undefined;
  await clock.advance(500);
  await settle();
  expect(opened.at(-1)).toEqual([{ name: "id", type: "BIGINT" }]);
  expect(owner.asked.every(({ executor, request }) => executor === "e1:50052" && request.epoch === 4)).toBe(
    true,
  );
  expect([told(reports), tables.at(-1)?.error]).toEqual([["loading 4.0", "loaded 4.7"], ""]);
  await end();
});

test("what has no owner needs the source: its failure is told, and it is tried again", async () => {
  let down = true;
  const { holder, clock, owner, reports, end } = holderBed(async (table) => {
    if (down) throw new Error("the source is down");
    return table;
  });
  holder.hold(share(1, { key, epoch: 4, role: "learner" }));
  await settle();
  expect([owner.asked, reports.at(-1)]).toMatchObject([[], { state: "failed", error: "the source is down" }]);
  down = false;
  await clock.advance(10_000);
  await settle();
  expect(told(reports).at(-1)).toBe("loaded 4.1");
  await end();
});
