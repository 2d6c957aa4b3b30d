import type { Clock } from "./clock.ts";

/** Work took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Runs `work` with a signal that aborts after `ms` (with a {@link DeadlineError}) or when `signal` does, and
 * leaves no timer behind. `work` must honour its signal.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const both = new AbortController();
  const onAbort = () => both.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const done = new AbortController();
  clock.sleep(ms, done.signal).then(
    () => both.abort(new DeadlineError(`no answer within ${ms} ms`)),
    () => {}, // The work ended first.
  );
  try {
    return await work(both.signal);
  } finally {
    done.abort();
    signal?.removeEventListener("abort", onAbort);
  }
}
