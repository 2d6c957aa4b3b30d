import type { Clock } from "../ports/clock.ts";

/** A scheduler hears within this time that a partition has another owner. */
const QUIET_MS = 500;
const LONGEST_MS = 3_000;

/**
 * How long an executor that was told to end goes on taking fragments: plans that were made before, or by a scheduler
 * that has yet to hear that the partitions moved on, still name it. Over when none came for half a second, and after
 * three seconds in any case.
 */
export class LastFragments {
  readonly #clock: Clock;
  #latestMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#latestMs = clock.monotonicMs();
  }

  arrived(): void {
    this.#latestMs = this.#clock.monotonicMs();
  }

  /** Resolves when no more fragments are to be expected, at the latest after `withinMs`. */
  async over(withinMs: number): Promise<void> {
    const began = this.#clock.monotonicMs();
    const limit = began + Math.min(withinMs, LONGEST_MS);
    for (;;) {
      const until = Math.min(limit, Math.max(began, this.#latestMs) + QUIET_MS);
      const leftMs = until - this.#clock.monotonicMs();
      if (leftMs <= 0) return;
      await this.#clock.sleep(leftMs);
    }
  }
}
