import { expect, test } from "@jest/globals";
import { TestClock } from "../../test/support/test-clock.ts";
import { LastFragments } from "./last-fragments.ts";

async function play(withinMs: number, arrivals: readonly number[]): Promise<number> {
  const clock = new TestClock();
  const fragments = new LastFragments(clock);
  let overMs = Number.NaN;
  const began = clock.monotonicMs();
  void fragments.over(withinMs).then(() => {
    overMs = clock.monotonicMs() - began;
  });
  await clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  for (let ms = 0; Number.isNaN(overMs) && ms < 60_000; ms += 50) {
    if (arrivals.includes(ms)) fragments.arrived();
    await clock.advance(50);
  }
  return overMs;
}

test("an executor that nobody asks ends after half a second", async () => {
  expect(await play(30_000, [])).toBe(500);
});

test("each fragment begins the half second anew, up to three seconds", async () => {
  expect(await play(30_000, [100, 400])).toBe(900);
  expect(
    await play(
      30_000,
      Array.from({ length: 200 }, (_, i) => i * 50),
    ),
  ).toBe(3_000);
});

test("it is bounded by what is left for the shutdown", async () => {
  expect(await play(200, [100])).toBe(200);
  expect(await play(0, [])).toBe(0);
});
