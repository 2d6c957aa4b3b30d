/** Time, passed in so that tests can run it. Clocks of two hosts are never compared. */
export interface Clock {
  /** Milliseconds since the Unix epoch: for people to read, never the basis of a decision. */
  wallMs(): number;
  /** Milliseconds that only grow within this process: the basis of every time-out and lease. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longest delay that Node's timers take; a longer one would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    let left = ms;
    while (left > longestTimerMs) {
      await sleepOnce(longestTimerMs, signal);
      left -= longestTimerMs;
    }
    await sleepOnce(left, signal);
  },
};

function sleepOnce(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
