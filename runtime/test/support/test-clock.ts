import type { Clock } from "../../src/ports/clock.ts";

/** A clock that moves only by `advance`: sleepers wake in the order of their times. */
export class TestClock implements Clock {
  #now = 0;
  #wall: number;
  #sleepers: { readonly at: number; wake(): void }[] = [];

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wall = wallMs;
  }

  wallMs(): number {
    return this.#wall + this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const sleeper = {
        at: this.#now + ms,
        wake: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((s) => s !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Move time on and let what woke run until it sleeps again. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers = this.#sleepers.filter((s) => s !== next);
      next.wake();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    this.#now = end;
  }
}
