import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { TokenBucket } from "../retry/token-bucket.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { settle, VirtualClock } from "../testing/virtual-clock.ts";
import { type Outcome, type Worker, WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

const exact = { baseMs: 10, capMs: 1000, jitter: 0 };

function setUp(worker: Worker, options: Partial<WorkQueueOptions> & { concurrency?: number } = {}) {
  const clock = new VirtualClock();
  const queue = new WorkQueue({ clock, random: seededRandom(1), backoff: exact, ...options });
  const stop = new AbortController();
  const ended = queue.run(worker, { concurrency: options.concurrency ?? 1, signal: stop.signal });
  return { clock, queue, stop, ended };
}

const done: Outcome = { kind: "done" };

describe("WorkQueue", () => {
  it("coalesces what is added before a run and runs once more for what is added during it", async () => {
    const runs: string[] = [];
    let release = () => {};
    const { queue, stop, ended } = setUp(async (key) => {
      runs.push(key);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return done;
    });
    queue.add("a");
    queue.add("a");
    await settle();
    expect(runs).toEqual(["a"]);
    queue.add("a");
    queue.add("a");
    await settle();
    expect(runs).toEqual(["a"]);
    release();
    await settle();
    expect(runs).toEqual(["a", "a"]);
    release();
    await settle();
    expect(runs).toEqual(["a", "a"]);
    stop.abort();
    await ended;
  });

  it("backs off per key and starts anew after a success", async () => {
    const at: number[] = [];
    let fail = true;
    const errors: unknown[] = [];
    const { clock, queue, stop, ended } = setUp(
      async () => {
        at.push(clock.monotonicMs());
        if (fail) throw new Error("no");
        return done;
      },
      { onError: (_, error) => errors.push(error) },
    );
    const start = clock.monotonicMs();
    queue.add("a");
    await clock.advance(69);
    expect(at.map((ms) => ms - start)).toEqual([0, 10, 30]);
    expect(errors).toHaveLength(3);
    expect(queue.failures("a")).toBe(3);
    fail = false;
    await clock.advance(1);
    expect(at).toHaveLength(4);
    expect(queue.failures("a")).toBe(0);
    fail = true;
    queue.add("a");
    await clock.advance(10);
    expect(at).toHaveLength(6);
    stop.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it("keeps the earliest of several times and the highest of several priorities", async () => {
    const runs: string[] = [];
    const { clock, queue, stop, ended } = setUp(async (key) => {
      runs.push(`${key}@${clock.monotonicMs() - 1_700_000_000_000}`);
      return done;
    });
    queue.addAfter("late", 50, "urgent");
    queue.addAfter("late", 20, "background");
    queue.addAfter("late", 90);
    queue.addAfter("other", 20, "background");
    await clock.advance(100);
    expect(runs).toEqual(["late@20", "other@20"]);
    queue.add("low", "background");
    queue.add("mid");
    queue.add("top", "urgent");
    queue.add("low", "urgent");
    await settle();
    // "low" was taken at once, as the worker was free; the rest goes by priority.
    expect(runs.slice(2).map((run) => run.split("@")[0])).toEqual(["low", "top", "low", "mid"]);
    stop.abort();
    await ended;
  });

  it("lets the lowest lane through although higher ones are never empty", async () => {
    let background = 0;
    let runs = 0;
    const { queue, stop, ended } = setUp(async (key) => {
      runs += 1;
      if (key === "slow") background += 1;
      else if (runs < 100) queue.add(key, "urgent");
      return done;
    });
    queue.add("busy", "urgent");
    queue.add("busier", "urgent");
    queue.add("slow", "background");
    for (let i = 0; i < 200 && runs < 50; i++) await settle();
    expect(background).toBe(1);
    stop.abort();
    await ended;
  });

  it("bounds the retries of all keys together", async () => {
    const clock = new VirtualClock();
    const retryLimit = new TokenBucket({ perSecond: 1, burst: 2, clock });
    const waits: number[] = [];
    const queue = new WorkQueue({
      clock,
      random: seededRandom(1),
      backoff: exact,
      retryLimit,
      metrics: { retried: (_key, _failures, ms) => waits.push(ms) },
    });
    for (const key of ["a", "b", "c", "d"]) queue.addBackedOff(key);
    expect(waits).toEqual([10, 10, 1000, 2000]);
  });

  it("tells workers to stop, waits for them, and starts nothing afterwards", async () => {
    const runs: string[] = [];
    const { clock, queue, stop, ended } = setUp(async (key, signal) => {
      runs.push(key);
      await clock.sleep(1000, signal);
      return done;
    });
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 5);
    await settle();
    stop.abort(new Error("stopping"));
    await ended;
    await clock.advance(10_000);
    expect(runs).toEqual(["a"]);
    expect(clock.pending).toBe(0);
  });

  it("tells its metrics depth, latency, duration and retries", async () => {
    const seen: unknown[] = [];
    const clock = new VirtualClock();
    const queue = new WorkQueue({
      clock,
      random: seededRandom(1),
      backoff: exact,
      metrics: {
        depth: (keys) => seen.push(["depth", keys]),
        started: (key, ms) => seen.push(["started", key, ms]),
        finished: (key, ms, outcome) => seen.push(["finished", key, ms, outcome]),
      },
    });
    queue.add("a");
    await clock.advance(7);
    const stop = new AbortController();
    const ended = queue.run(
      async () => {
        await clock.sleep(3);
        return done;
      },
      { concurrency: 1, signal: stop.signal },
    );
    await clock.advance(3);
    expect(seen).toEqual([
      ["depth", 1],
      ["depth", 0],
      ["started", "a", 7],
      ["finished", "a", 3, "done"],
    ]);
    stop.abort();
    await ended;
  });

  it("agrees with its model: one worker a key, no key lost, back-off that resets", async () => {
    const key = fc.constantFrom("a", "b", "c");
    const priority = fc.constantFrom("urgent" as const, "normal" as const, "background" as const);
    const step = fc.oneof(
      fc.record({ do: fc.constant("add" as const), key, priority }),
      fc.record({ do: fc.constant("after" as const), key, ms: fc.integer({ min: 0, max: 80 }), priority }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 60 }) }),
    );
    const ending = fc.record({
      ms: fc.integer({ min: 0, max: 30 }),
      how: fc.constantFrom("done" as const, "backoff" as const, "throw" as const, "after" as const),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(ending, { maxLength: 25 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, endings, concurrency) => {
          const clock = new VirtualClock(0);
          const queue = new WorkQueue({ clock, random: seededRandom(3), backoff: exact });
          const running = new Set<string>();
          const lastStart = new Map<string, number>();
          const failures = new Map<string, number>();
          /** Key → the latest moment at which a run must have become due. */
          const owed = new Map<string, number>();
          const owe = (k: string, at: number) => owed.set(k, Math.min(at, owed.get(k) ?? Infinity));
          let turn = 0;
          const worker: Worker = async (k) => {
            expect(running.has(k)).toBe(false);
            running.add(k);
            expect(running.size).toBeLessThanOrEqual(concurrency);
            expect(queue.failures(k)).toBe(failures.get(k) ?? 0);
            lastStart.set(k, clock.monotonicMs());
            owed.delete(k);
            const { ms, how } = endings[turn++] ?? { ms: 0, how: "done" as const };
            await clock.sleep(ms);
            running.delete(k);
            const now = clock.monotonicMs();
            if (how === "backoff" || how === "throw") {
              const before = failures.get(k) ?? 0;
              failures.set(k, before + 1);
              owe(k, now + Math.min(1000, 10 * 2 ** before));
              if (how === "throw") throw new Error("no");
              return { kind: "backoff" };
            }
            failures.delete(k);
            if (how === "after") owe(k, now + 25);
            return how === "after" ? { kind: "after", ms: 25 } : done;
          };
          const stop = new AbortController();
          const ended = queue.run(worker, { concurrency, signal: stop.signal });
          for (const s of steps) {
            if (s.do === "pass") await clock.advance(s.ms);
            else if (s.do === "add") {
              owe(s.key, clock.monotonicMs());
              queue.add(s.key, s.priority);
            } else {
              owe(s.key, clock.monotonicMs() + s.ms);
              queue.addAfter(s.key, s.ms, s.priority);
            }
            // A key that is owed while a worker is free has started.
            await settle();
            if (running.size < concurrency) {
              for (const [k, at] of owed) expect(running.has(k) || at > clock.monotonicMs()).toBe(true);
            }
          }
          await clock.advance(60_000);
          expect([...owed.keys()]).toEqual([]);
          expect(running.size).toBe(0);
          stop.abort();
          await ended;
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
