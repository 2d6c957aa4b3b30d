import { type BackoffPolicy, backoffMs, keyBackoff } from "../retry/backoff.ts";
import type { TokenBucket } from "../retry/token-bucket.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { higher, type Priority, ReadyLanes } from "./ready-lanes.ts";

/** How a run for a key ended. `done` and `after` count as success; a thrown error counts as `backoff`. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "after"; readonly ms: number }
  | { readonly kind: "backoff" };

/** Brings the world one step nearer to what is wanted for `key`. Must return soon after `signal` aborts. */
export type Worker = (key: string, signal: AbortSignal) => Promise<Outcome>;

/** What an observer of the queue is told. Every method is called synchronously and must not throw. */
export interface WorkQueueMetrics {
  /** Keys that are ready and not running, after each change. */
  depth?(keys: number): void;
  /** A key became ready that was not. */
  added?(key: string): void;
  /** A key started after it was ready for `ms`. */
  started?(key: string, ms: number): void;
  /** A run ended after `ms`. */
  finished?(key: string, ms: number, outcome: Outcome["kind"] | "error"): void;
  /** A key waits for `ms` after `failures` failures in a row. */
  retried?(key: string, failures: number, ms: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff?: BackoffPolicy;
  /** Bounds all retries together, whatever their keys. */
  readonly retryLimit?: TokenBucket;
  readonly metrics?: WorkQueueMetrics;
  /** Told of every error that a worker throws. */
  readonly onError?: (key: string, error: unknown) => void;
}

/**
 * Keys to work on: coalesced, each with one worker at a time, retried with growing delays.
 *
 * ```
 *            addAfter              due                  worker free
 *   (absent) ───────▶ delayed ───────────▶ ready ────────────────────▶ running ──▶ (absent)
 *       └──────────────── add ───────────────▲                            │ add
 *                                            └────── when the run ends ── dirty
 * ```
 *
 * After `add` or `addAfter` returns, a run for the key *starts* later, unless the queue is stopped first: a key
 * is never lost. Of several times asked for, the earliest holds, and one run answers all that were asked for
 * before it started. A delayed key is therefore forgotten when an earlier run starts: that run decides anew.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffPolicy;
  readonly #retryLimit: TokenBucket | undefined;
  readonly #metrics: WorkQueueMetrics;
  readonly #onError: (key: string, error: unknown) => void;

  readonly #ready = new ReadyLanes();
  readonly #readySince = new Map<string, number>();
  readonly #delayed = new DeadlineHeap();
  readonly #delayedPriority = new Map<string, Priority>();
  readonly #running = new Set<string>();
  readonly #dirty = new Map<string, Priority>();
  readonly #failures = new Map<string, number>();

  #sleep: { readonly until: number; readonly cancel: AbortController } | undefined;
  #start: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? keyBackoff;
    this.#retryLimit = options.retryLimit;
    this.#metrics = options.metrics ?? {};
    this.#onError = options.onError ?? (() => {});
  }

  /** Keys that are ready and not running. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Failures in a row of a key. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Makes the key ready now; while it runs, ready once more when the run has ended. */
  add(key: string, priority: Priority = "normal"): void {
    const delayed = this.#delayedPriority.get(key);
    if (delayed !== undefined) {
      this.#delayed.delete(key);
      this.#delayedPriority.delete(key);
    }
    const effective = delayed !== undefined && higher(delayed, priority) ? delayed : priority;
    if (this.#running.has(key)) {
      const present = this.#dirty.get(key);
      if (present === undefined || higher(effective, present)) this.#dirty.set(key, effective);
      return;
    }
    if (this.#ready.add(key, effective)) {
      this.#readySince.set(key, this.#clock.monotonicMs());
      this.#metrics.added?.(key);
      this.#metrics.depth?.(this.#ready.size);
    }
    this.#start?.();
  }

  /** Makes the key ready in `ms`, or earlier if that was asked for already. */
  addAfter(key: string, ms: number, priority: Priority = "normal"): void {
    if (!(ms > 0)) {
      this.add(key, priority);
      return;
    }
    if (this.#readySince.has(key) || this.#dirty.has(key)) return; // Ready sooner than that.
    this.#delayed.add(key, this.#clock.monotonicMs() + ms);
    const present = this.#delayedPriority.get(key);
    if (present === undefined || higher(priority, present)) this.#delayedPriority.set(key, priority);
    this.#wakeInTime();
  }

  /** Makes the key ready after its back-off, which grows with every call until {@link forget}. */
  addBackedOff(key: string, priority: Priority = "normal"): void {
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const own = backoffMs(this.#backoff, failures, this.#random);
    const ms = Math.max(own, this.#retryLimit?.reserve() ?? 0);
    this.#metrics.retried?.(key, failures + 1, ms);
    this.addAfter(key, ms, priority);
  }

  /** Resets the key's back-off. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * Works on keys with up to `concurrency` workers until `signal` aborts; resolves when the last worker has
   * returned. What is queued then is dropped: a new process derives it again from what it observes.
   */
  async run(worker: Worker, options: { concurrency: number; signal: AbortSignal }): Promise<void> {
    const { concurrency, signal } = options;
    if (this.#start !== undefined) throw new Error("this work queue runs already");
    const inFlight = new Set<Promise<void>>();
    this.#start = () => {
      while (!signal.aborted && this.#running.size < concurrency) {
        const key = this.#take();
        if (key === undefined) return;
        const run = this.#runOne(key, worker, signal).finally(() => {
          inFlight.delete(run);
          this.#start?.();
        });
        inFlight.add(run);
      }
    };
    this.#start();
    this.#wakeInTime();
    await aborted(signal);
    this.#sleep?.cancel.abort();
    while (inFlight.size > 0) await Promise.all(inFlight);
    this.#start = undefined;
    this.#delayed.clear();
    this.#delayedPriority.clear();
  }

  #take(): string | undefined {
    const key = this.#ready.take();
    if (key === undefined) return undefined;
    this.#running.add(key);
    const since = this.#readySince.get(key) ?? this.#clock.monotonicMs();
    this.#readySince.delete(key);
    this.#metrics.depth?.(this.#ready.size);
    this.#metrics.started?.(key, this.#clock.monotonicMs() - since);
    return key;
  }

  async #runOne(key: string, worker: Worker, signal: AbortSignal): Promise<void> {
    const startedAt = this.#clock.monotonicMs();
    let outcome: Outcome;
    let ended: Outcome["kind"] | "error";
    try {
      outcome = await worker(key, signal);
      ended = outcome.kind;
    } catch (error) {
      outcome = { kind: "backoff" };
      ended = "error";
      // Workers that were told to stop throw the reason of the abort; that is no failure of the key.
      if (!signal.aborted) this.#onError(key, error);
    }
    this.#running.delete(key);
    this.#metrics.finished?.(key, this.#clock.monotonicMs() - startedAt, ended);
    if (signal.aborted) return;
    const again = this.#dirty.get(key);
    this.#dirty.delete(key);
    switch (outcome.kind) {
      case "done":
        this.forget(key);
        break;
      case "after":
        this.forget(key);
        if (again === undefined) this.addAfter(key, outcome.ms);
        break;
      case "backoff":
        this.addBackedOff(key);
        break;
      default:
        outcome satisfies never;
    }
    if (again !== undefined) this.add(key, again);
  }

  /** Keeps one timer, for the earliest delayed key. */
  #wakeInTime(): void {
    const at = this.#delayed.earliest;
    if (at === undefined || this.#start === undefined) return;
    if (this.#sleep !== undefined) {
      if (this.#sleep.until <= at) return;
      this.#sleep.cancel.abort();
    }
    const sleep = { until: at, cancel: new AbortController() };
    this.#sleep = sleep;
    this.#clock.sleep(Math.max(0, at - this.#clock.monotonicMs()), sleep.cancel.signal).then(
      () => {
        this.#sleep = undefined;
        this.#releaseDue();
      },
      () => {
        if (this.#sleep === sleep) this.#sleep = undefined;
      },
    );
  }

  #releaseDue(): void {
    const now = this.#clock.monotonicMs();
    for (let key = this.#delayed.takeDue(now); key !== undefined; key = this.#delayed.takeDue(now)) {
      const priority = this.#delayedPriority.get(key) ?? "normal";
      this.#delayedPriority.delete(key);
      this.add(key, priority);
    }
    this.#wakeInTime();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
