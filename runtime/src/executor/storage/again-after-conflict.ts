import { isEngineConflict } from "../../adapters/duckdb/engine-conflict.ts";
import type { Clock } from "../../ports/clock.ts";

/** One of those who meet goes on each time, so that a handful of attempts is enough for all of them. */
const pausesMs = [0, 20, 50, 100, 200] as const;

/**
 * Do `work`, and at once again when its change of the engine's catalogue met another one. That is no failure while it
 * is tried again: `warn` is told of it. Throws the work's error of any other kind, the conflict when attempts are used
 * up, and the signal's reason.
 */
export async function againAfterConflict<T>(
  work: () => Promise<T>,
  means: { readonly clock: Clock; readonly warn?: ((message: string, cause: unknown) => void) | undefined },
  signal: AbortSignal,
): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isEngineConflict(error)) throw error;
      means.warn?.("Two changes met in the engine; this one is made again", error);
      if (pauseMs > 0) await means.clock.sleep(pauseMs, signal);
    }
  }
  return work();
}
