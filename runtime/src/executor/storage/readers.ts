import type { Clock } from "../../ports/clock.ts";
import { ResourceExhaustedError, StalePlanError } from "../../ports/exchange.ts";

/** Readers of a table that closes end by themselves within this time, or are ended. */
const longestMs = 60_000;

/** One who reads a table. */
export interface Reader {
  /** Aborted, with an error for whoever asked, when the reader has to end. */
  readonly revoked: AbortSignal;
  /** Idempotent. */
  release(): void;
}

/** Counts who reads a table, so that its storage goes after the last of them. */
export class Readers {
  readonly #table: string;
  readonly #clock: Clock;
  readonly #none = new AbortController();
  readonly #revoked = new AbortController();
  #count = 0;
  #closed = false;

  constructor(table: string, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * Count a reader until it is released, which calls `release` once. After `close` it is called at once, and
   * `StalePlanError` is thrown: by the time of the next plan the table is open again or elsewhere.
   */
  add(release: () => void): Reader {
    if (this.#closed) {
      release();
      throw new StalePlanError("The table is closing here");
    }
    this.#count++;
    let reads = true;
    return {
      revoked: this.#revoked.signal,
      release: () => {
        if (!reads) return;
        reads = false;
        release();
        this.#count--;
        this.#settle();
      },
    };
  }

  /** Take no more readers; resolves when the last one has ended. Those that take longer than a minute are told to. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#settle();
    const none = this.#none.signal;
    if (none.aborted) return;
    const released = new Promise((resolve) => none.addEventListener("abort", resolve, { once: true }));
    const late = this.#clock.sleep(longestMs, none).then(
      () => true,
      () => false, // all were released in time
    );
    if (await late) {
      this.#revoked.abort(
        new ResourceExhaustedError(
          `${this.#table} starts anew or ends here, and this query did not end within ${longestMs / 1000} s from then on; ask again`,
        ),
      );
    }
    await released;
  }

  #settle(): void {
    if (this.#closed && this.#count === 0) this.#none.abort();
  }
}
