import { setMaxListeners } from "node:events";

const longestTimerMs = 2 ** 31 - 1;

/**
 * A signal that aborts with the first of several, or after some time, until it is let go. `AbortSignal.any` and
 * `AbortSignal.timeout` do the same but never let go: what they leave to the garbage collector, and the abort of work that
 * has long ended, cost a small query more than its work.
 */
export class JointAbort {
  readonly #controller = new AbortController();
  readonly #links: (() => void)[] = [];

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Abort when `signal` does, with its reason; at once when it has. */
  follow(signal: AbortSignal): void {
    if (signal.aborted) {
      this.abort(signal.reason);
      return;
    }
    // A signal of the whole node has as many followers as there is work at the time.
    setMaxListeners(0, signal);
    const follow = () => this.abort(signal.reason);
    signal.addEventListener("abort", follow, { once: true });
    this.#links.push(() => signal.removeEventListener("abort", follow));
  }

  /** Abort after `ms` with a `TimeoutError`. */
  after(ms: number): void {
    const late = () =>
      this.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    const timer = setTimeout(late, Math.min(longestTimerMs, Math.max(1, Math.floor(ms)))).unref();
    this.#links.push(() => clearTimeout(timer));
  }

  abort(reason: unknown): void {
    this.letGo();
    this.#controller.abort(reason);
  }

  /** From now on only `abort` aborts it. */
  letGo(): void {
    for (const unlink of this.#links.splice(0)) unlink();
  }
}
