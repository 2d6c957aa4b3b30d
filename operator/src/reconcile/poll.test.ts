import { expect, test } from "@jest/globals";
import { restingPollMs, unsettledPollMs } from "./poll.ts";

test("clusters at rest are asked once a minute, and all together no more than 60 times in one", () => {
  expect([0, 1, 60].map(restingPollMs)).toEqual([60_000, 60_000, 60_000]);
  expect(restingPollMs(500)).toBe(500_000);
  expect([1000, 5000].map(restingPollMs)).toEqual([600_000, 600_000]);
});

test("clusters on their way are looked at every three seconds, unless there are very many", () => {
  expect([1, 60].map(unsettledPollMs)).toEqual([3_000, 3_000]);
  expect(unsettledPollMs(500)).toBe(25_000);
  expect(unsettledPollMs(10_000)).toBe(60_000);
});
