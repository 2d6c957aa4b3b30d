import type { Random } from "../time/random.ts";

/** How delays grow: `baseMs · 2^failures` up to `capMs`, of which up to the share `jitter` is taken off at random. */
export interface BackoffPolicy {
  readonly baseMs: number;
  readonly capMs: number;
  /** 0 for exact delays, 1 for anything from 0 to the full delay. */
  readonly jitter: number;
}

/** For a key of a work queue: from 5 ms to about 17 minutes. */
export const keyBackoff: BackoffPolicy = { baseMs: 5, capMs: 1_000_000, jitter: 0.3 };
/** For a connection that failed: from 0.5 s to 30 s. */
export const connectionBackoff: BackoffPolicy = { baseMs: 500, capMs: 30_000, jitter: 0.5 };

/** The delay in milliseconds before the next attempt after `failures` (0 or more) earlier failures. */
export function backoffMs(policy: BackoffPolicy, failures: number, random: Random): number {
  // Beyond 2^50 the power would lose precision, and every cap is long reached.
  const full = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures, 50));
  return full * (1 - policy.jitter * random.next());
}
