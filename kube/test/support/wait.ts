import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks again every `everyMs` until the answer is neither `undefined` nor `false`.
 *
 * @throws Error with what was awaited, and the last failure as cause, after `timeoutMs` (default 60 s).
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 60_000, everyMs = 50 } = options;
  const until = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > until) {
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}${why}`, { cause });
    }
    await delay(everyMs);
  }
}
