/** Fibonacci back-off with jitter: 1, 1, 2, 3, 5, … × `baseMs`, at most `maxMs`, each × 0.5 … 1.5. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The pause before retry number `retry` (1 is the first). `random` is uniform in [0, 1). */
export function backoffMs(retry: number, { baseMs, maxMs }: Backoff, random: number): number {
  let previous = 0;
  let current = 1;
  for (let i = 1; i < retry && current * baseMs < maxMs; i += 1) {
    [previous, current] = [current, previous + current];
  }
  return Math.min(current * baseMs, maxMs) * (0.5 + random);
}
