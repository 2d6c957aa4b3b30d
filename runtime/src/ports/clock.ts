/** Time, passed in so that a simulator can run it. Clocks are never compared across hosts (spec chapter 04). */
export interface Clock {
  /** Milliseconds since the Unix epoch: information for people, never a basis for decisions. */
  wallMs(): number;
  /** Milliseconds that only grow within this process: the basis of every time-out and lease. */
  monotonicMs(): number;
  /** Resolve after `ms`; reject with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
