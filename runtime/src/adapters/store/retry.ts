import type { Clock } from "../../ports/clock.ts";
import { AmbiguousWriteError, StoreError } from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";

export interface RetryPolicy {
  /** Calls in all, the first one included. */
  readonly attempts: number;
  /** The longest wait before the second call; each further one may wait twice as long. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Retries in a row that all calls together may spend; each success gives a tenth of one back. */
  readonly budget: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 5, baseMs: 50, maxMs: 2_000, budget: 50 };

/** So many successes earn one more retry. */
const successesPerRetry = 10;

/**
 * Repeats calls that may be repeated: reads, listings, unconditional deletes, parts of an upload. Waits are uniform
 * between 0 and the step (full jitter); the budget is shared by all callers, so that a store that is down does not
 * get many times the load.
 */
export class Retrier {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #random: Pick<Random, "next">;
  readonly #policy: RetryPolicy;
  #tokens: number;

  constructor(
    clock: Pick<Clock, "sleep">,
    random: Pick<Random, "next">,
    policy: RetryPolicy = defaultRetryPolicy,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#policy = policy;
    this.#tokens = policy.budget * successesPerRetry;
  }

  /** Run `call` until it succeeds, fails for good, or attempts or budget are spent; throws its last error. */
  async run<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        const result = await call();
        this.#tokens = Math.min(this.#policy.budget * successesPerRetry, this.#tokens + 1);
        return result;
      } catch (error) {
        if (!mayRetry(error) || attempt >= this.#policy.attempts || this.#tokens < successesPerRetry)
          throw error;
        this.#tokens -= successesPerRetry;
        const step = Math.min(this.#policy.maxMs, this.#policy.baseMs * 2 ** (attempt - 1));
        await this.#clock.sleep(step * this.#random.next(), signal).catch((interrupted: unknown) => {
          signal?.throwIfAborted();
          throw interrupted;
        });
      }
    }
  }
}

function mayRetry(error: unknown): boolean {
  return error instanceof StoreError && error.retryable && !(error instanceof AmbiguousWriteError);
}
