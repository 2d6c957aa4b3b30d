/** Attempts of one query that may be lost after a long run before it gives up: its statement may be the reason. */
const mostLosses = 3;

/**
 * Milliseconds that a query waits for partitions whose executor went away, where that counts as lost after so many: until
 * the loss is certain, and its partitions had a few seconds to be loaded elsewhere (spec chapter 04, Executor loss).
 */
export function reassignWaitMs(lostAfterMs: number): number {
  return Math.min(60_000, Math.max(10_000, 1.2 * lostAfterMs + 7_000));
}

/**
 * How long a query waits for partitions whose executor went away under it. The time counts from the loss and not
 * from the query's start: one that had waited and run for long when its executor dropped out for a moment would
 * otherwise fail at once. An attempt that ran longer than the wait before it was lost begins a new one, some times.
 */
export class ReassignWait {
  readonly #waitMs: number;
  #untilMs: number | undefined;
  #losses = 0;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** An executor was lost at `nowMs` in an attempt that began at `beganMs`. */
  lost(beganMs: number, nowMs: number): void {
    if (this.#untilMs !== undefined && (nowMs - beganMs < this.#waitMs || this.#losses >= mostLosses)) return;
    this.#untilMs = nowMs + this.#waitMs;
    this.#losses += 1;
  }

  /** True when nothing is left to wait for. */
  isOver(nowMs: number): boolean {
    return this.#untilMs === undefined || nowMs >= this.#untilMs;
  }
}
