import { ResourceExhaustedError } from "../../ports/exchange.ts";

interface Waiter {
  admit(): void;
  refuse(reason: unknown): void;
}

/**
 * Admits a bounded number of holders at a time; those who wait are served round robin by owner, so a query with many
 * fragments does not keep others out (spec chapter 07, Limits).
 */
export class FairQueue {
  readonly #concurrent: number;
  readonly #waiting: number;
  readonly #queues = new Map<string, Waiter[]>();
  #running = 0;
  #queued = 0;

  constructor(options: { concurrent: number; waiting: number }) {
    this.#concurrent = options.concurrent;
    this.#waiting = options.waiting;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queued;
  }

  /**
   * Wait for a place. The returned function gives it back and may be called twice.
   * @param admitted the owner was let in before and gave its place back for a while: it is not turned away.
   * @throws ResourceExhaustedError when too many wait already; the signal's reason when aborted first.
   */
  async acquire(owner: string, signal: AbortSignal, admitted = false): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running < this.#concurrent) this.#running++;
    else await this.#wait(owner, signal, admitted);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#next();
    };
  }

  async #wait(owner: string, signal: AbortSignal, admitted: boolean): Promise<void> {
    if (this.#queued >= this.#waiting && !admitted) {
      throw new ResourceExhaustedError(
        `${this.#running} fragments run and ${this.#queued} wait on this node; try again later`,
      );
    }
    const queue = this.#queues.get(owner) ?? [];
    this.#queues.set(owner, queue);
    this.#queued++;
    let aborted = () => {};
    try {
      await new Promise<void>((admit, refuse) => {
        const waiter = { admit, refuse };
        queue.push(waiter);
        aborted = () => {
          const at = queue.indexOf(waiter);
          if (at < 0) return;
          queue.splice(at, 1);
          if (queue.length === 0 && this.#queues.get(owner) === queue) this.#queues.delete(owner);
          refuse(signal.reason);
        };
        signal.addEventListener("abort", aborted, { once: true });
      });
    } finally {
      signal.removeEventListener("abort", aborted);
      this.#queued--;
    }
  }

  /** Hand the place to the first waiter of the owner whose turn it is, or free it. */
  #next(): void {
    const [first] = this.#queues;
    if (first === undefined) {
      this.#running--;
      return;
    }
    const [owner, queue] = first;
    this.#queues.delete(owner);
    const waiter = queue.shift();
    if (queue.length > 0) this.#queues.set(owner, queue);
    waiter?.admit();
  }
}
