import { BEAT_INTERVAL_MS } from "./beat-interval.ts";

/** Seconds of an executor's life by its own monotonic clock: `now` is always passed in. */
export interface Confirmation {
  /** The executor's monotonic time when it *sent* the beat that was answered. */
  readonly sentAtMs: number;
  /** Age of the scheduler's last confirmation against the store, when it answered. */
  readonly schedulerAgeMs: number;
}

/**
 * The read lease of an executor (spec chapter 04). Each answered beat proves that some scheduler reached the store
 * no earlier than `sent − age`; the executor may read, refresh and write for `executor_lost_after` from then on.
 * Counting from the sending, not the answer, keeps it right whatever the network did to the answer.
 */
export class ReadLease {
  readonly #lostAfterMs: number;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(lostAfterMs: number) {
    this.#lostAfterMs = lostAfterMs;
  }

  confirm({ sentAtMs, schedulerAgeMs }: Confirmation): void {
    this.#confirmedAtMs = Math.max(this.#confirmedAtMs, sentAtMs - schedulerAgeMs);
  }

  /** True while a confirmation is younger than `executor_lost_after`. */
  holds(nowMs: number): boolean {
    return nowMs - this.#confirmedAtMs < this.#lostAfterMs;
  }

  /** The monotonic time at which the lease ends unless it is confirmed again; −Infinity without one. */
  get endsAtMs(): number {
    return this.#confirmedAtMs + this.#lostAfterMs;
  }
}

/** What an executor's beat may be late by, above its interval: the agent looks this often. */
const BEAT_LATENESS_MS = 500;
/** A scheduler with very short leases does not ask the store more often than this. */
const SHORTEST_INTERVAL_MS = 500;

/**
 * How often a scheduler beats: TTL/3, and often enough for the leases that stand on its beats. A confirmation is as
 * old as a whole interval when the next one replaces it, and reaches an executor with its next beat; a sixth of the
 * lease is left for the store and the network.
 */
export function heartbeatIntervalMs(ttlMs: number, lostAfterMs: number): number {
  const room = lostAfterMs - lostAfterMs / 6 - BEAT_INTERVAL_MS - BEAT_LATENESS_MS;
  return Math.max(SHORTEST_INTERVAL_MS, Math.min(ttlMs / 3, room));
}
