import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "./cluster-state.ts";

/** How often the document is looked at when no news come. */
export const POLL_INTERVAL_MS = 30_000;

/**
 * The fallback for lost news: a conditional read of the document every 30 s, bodiless while nothing changed. Runs
 * until `signal` aborts. An error (store away, document missing or corrupt) is reported and the last good document
 * stays in force.
 */
export async function pollState(
  options: {
    readonly state: ClusterState;
    readonly clock: Clock;
    readonly intervalMs?: number;
    readonly onError?: (error: unknown) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await options.clock.sleep(options.intervalMs ?? POLL_INTERVAL_MS, signal);
      await options.state.refresh(signal);
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(error);
    }
  }
}
