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

/**
 * How often a scheduler beats: TTL/3, and often enough for the leases that stand on its beats (the confirmation
 * that a scheduler passes on is its last beat that reached the store).
 */
export function heartbeatIntervalMs(ttlMs: number, lostAfterMs: number): number {
  return Math.min(ttlMs / 3, (lostAfterMs * 2) / 3);
}
