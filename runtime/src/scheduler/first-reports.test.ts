import { expect, test } from "@jest/globals";
import { TestClock } from "../../test/support/test-clock.ts";
import { FirstReports } from "./first-reports.ts";

const table = (loaded: number, known = true) => ({ known, partitions: 3, loaded });

test("waits until every partition was reported once, and never again", () => {
  const reports = new FirstReports(new TestClock());
  expect(reports.complete([table(3), table(2)])).toBe(false);
  expect(reports.complete([table(3), table(3)])).toBe(true);
  expect(reports.complete([table(3), table(0)])).toBe(true);
});

test("a cluster whose tables are not discovered yet has nothing to tell", () => {
  expect(new FirstReports(new TestClock()).complete([table(0, false)])).toBe(true);
});

test("does not wait for ever", async () => {
  const clock = new TestClock();
  const reports = new FirstReports(clock);
  // Its id was held by another process for a while.
  await clock.advance(40_000);
  expect(reports.complete([table(2)])).toBe(false);
  await clock.advance(15_000);
  expect(reports.complete([table(2)])).toBe(true);
});
