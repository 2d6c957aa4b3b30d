/** How failed refreshes are tried again (`refresh_retry_enabled`, `refresh_retry_max_attempts`). */
export interface RetryPolicy {
  readonly enabled: boolean;
  /** Attempts after the first; undefined for no limit. */
  readonly maxAttempts?: number;
}

const firstMs = 1_000;
const longestMs = 300_000;

/**
 * Milliseconds to wait before attempt `attempt` (1 is the first retry), or undefined when the budget is used up.
 * Fibonacci back-off from one second to five minutes; `random` in [0, 1) takes away up to half.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number | undefined {
  if (!policy.enabled) return undefined;
  if (policy.maxAttempts !== undefined && attempt > policy.maxAttempts) return undefined;
  let [previous, wait] = [0, firstMs];
  for (let i = 1; i < attempt && wait < longestMs; i++) [previous, wait] = [wait, previous + wait];
  return Math.floor(Math.min(wait, longestMs) * (1 - random / 2));
}
