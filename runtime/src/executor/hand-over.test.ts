import { expect, test } from "@jest/globals";
import { TestClock } from "../../test/support/test-clock.ts";
import { handOver } from "./hand-over.ts";

type Answer = { state: string; remaining: number; reason: string } | Error;
const draining = { state: "DRAINING", remaining: 3, reason: "" };
const blocked = { state: "BLOCKED", remaining: 3, reason: "no other active executor is heard" };
const drained = { state: "DRAINED", remaining: 0, reason: "" };
const away = new Error("No connection");

/** Milliseconds until the executor may end, and what it logged; `answers` come one a second, the last one for ever. */
async function play(withinMs: number, answers: readonly Answer[]) {
  const clock = new TestClock();
  const lines: string[] = [];
  const note = ({ cause = "" }: Record<string, unknown>, message: string) =>
    void lines.push(`${message}: ${cause}`);
  let asked = 0;
  let endedMs: number | undefined;
  void handOver(
    {
      async ask() {
        const answer = answers[Math.min(asked, answers.length - 1)]!;
        asked += 1;
        await clock.sleep(answer === drained ? 100 : 1_000);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      clock,
      log: { info: note, warn: note },
    },
    withinMs,
  ).then(() => {
    endedMs = clock.monotonicMs();
  });
  while (endedMs === undefined && clock.monotonicMs() < 60_000) await clock.advance(250);
  return { endedMs, said: lines.join() };
}

test("an executor ends when it is empty", async () => {
  const { endedMs, said } = await play(45_000, [draining, draining, drained]);
  expect(endedMs).toBeLessThan(3_000);
  expect(said).toBe("Others took over what this executor owned: ");
});

test("obstacles that pass are waited out, those that last are not", async () => {
  expect((await play(45_000, [away, blocked, draining, blocked, drained])).said).toContain(
    "Others took over",
  );
  const { endedMs, said } = await play(45_000, [draining, blocked]);
  expect(endedMs).toBeLessThan(6_000);
  expect(said).toBe(
    "This executor ends before others took over what it owns: 3 partitions cannot be moved: no other active executor is heard",
  );
  expect((await play(45_000, [away])).said).toContain("No connection");
});

test("it does not take longer than it may", async () => {
  const { endedMs, said } = await play(10_000, [draining]);
  expect(endedMs).toBeLessThanOrEqual(11_000);
  expect(said).toContain("time is over");
});
