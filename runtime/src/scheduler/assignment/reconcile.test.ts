import { getEventListeners } from "node:events";
import { beforeEach, expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import { ReportBook } from "../../core/cluster/membership/reports.ts";
import type { Clock } from "../../ports/clock.ts";
import { MoveDriver } from "../moves/move-driver.ts";
import { Reconciler } from "./reconcile.ts";

let bed: StateBed;
let stop: AbortController;
let reconciler: Reconciler;
let running: Promise<void>;
/** Runs of the reconciler, and sleeps between them. */
let runs: number;
let sleeps: number;

beforeEach(async () => {
  bed = new StateBed();
  [runs, sleeps] = [0, 0];
  const { clock: inner } = bed;
  const clock: Clock = {
    wallMs: () => inner.wallMs(),
    monotonicMs: () => inner.monotonicMs(),
    sleep: (ms, signal) => {
      sleeps += 1;
      return inner.sleep(ms, signal);
    },
  };
  const gather = async () => {
    runs += 1;
    return undefined;
  };
  const limits = { maxPartitionsPerExecutor: 10, maxPartitionAssignmentsPerInterval: 10 };
  reconciler = new Reconciler({
    state: await bed.open("s1"),
    clock,
    settings: limits,
    intervalMs: 30_000,
    tables: () => [],
    discover: () => Promise.reject(new Error("there is no table")),
    live: () => ({ ids: [], quietForMs: 0 }),
    moves: new MoveDriver({
      clock,
      evidence: { gather },
      book: new ReportBook(),
      settings: { ...limits, maxPartitionMoveBytes: 1 },
      live: () => [],
    }),
  });
  stop = new AbortController();
  running = reconciler.run(stop.signal);
  await turn();
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what calls for a look at the moves within moments calls for one, and ends one sleep", async () => {
  expect([runs, sleeps]).toEqual([1, 1]);
  for (let i = 0; i < 10; i += 1) reconciler.wakeMoves();
  await turn();
  expect([runs, sleeps]).toEqual([1, 2]);
  await bed.clock.advance(100);
  await turn();
  expect([runs, sleeps]).toEqual([2, 3]);
  stop.abort();
  await running;
});

test("a wake runs the cycle at once, and the next one comes at the end of the interval", async () => {
  reconciler.wake();
  await turn();
  expect(runs).toBe(2);
  await bed.clock.advance(29_000);
  await turn();
  expect(runs).toBe(2);
  await bed.clock.advance(1_000);
  await turn();
  expect(runs).toBe(3);
  stop.abort();
  await running;
});

test("an abort ends the sleep and leaves nothing behind", async () => {
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  stop.abort();
  await running;
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  reconciler.wake();
  await turn();
  expect([runs, sleeps]).toEqual([1, 1]);
});
