import { describe, expect, test } from "@jest/globals";
import { ReassignWait, reassignWaitMs } from "./reassign-wait.ts";

describe("the wait for another holder", () => {
  test("counts from the loss, however long the query ran before", () => {
    const wait = new ReassignWait(10_000);
    expect(wait.isOver(0)).toBe(true);
    wait.lost(0, 60_000);
    expect(wait.isOver(69_999)).toBe(false);
    expect(wait.isOver(70_000)).toBe(true);
  });

  test("is not prolonged by attempts that fail soon", () => {
    const wait = new ReassignWait(10_000);
    for (let now = 0; now < 10_000; now += 500) wait.lost(now, now + 400);
    expect(wait.isOver(10_399)).toBe(false);
    expect(wait.isOver(10_400)).toBe(true);
  });

  test("begins anew after a long attempt, three times in all", () => {
    const wait = new ReassignWait(10_000);
    wait.lost(0, 20_000);
    wait.lost(20_000, 40_000);
    wait.lost(40_000, 60_000);
    expect(wait.isOver(69_999)).toBe(false);
    wait.lost(60_000, 80_000);
    expect(wait.isOver(80_000)).toBe(true);
  });

  test("is as long as a loss takes and a load may take, within bounds", () => {
    expect([1_000, 15_000, 600_000].map(reassignWaitMs)).toEqual([10_000, 25_000, 60_000]);
  });
});
