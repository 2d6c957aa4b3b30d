import { ResourceExhaustedError } from "../../ports/exchange.ts";

export interface AdmissionOptions {
  /** Queries that run at the same time. */
  readonly running: number;
  /** Queries that may wait for their turn. */
  readonly waiting: number;
}

/** Lets a limited number of queries run; the others wait in the order in which they came. */
export class Admission {
  readonly #options: AdmissionOptions;
  #running = 0;
  readonly #queue = new Set<() => void>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Queries that run now. */
  get running(): number {
    return this.#running;
  }

  /** Queries that wait now. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Wait for a turn; the returned function ends it (idempotent).
   * @throws ResourceExhaustedError when too many wait already; the signal's reason when it is aborted first.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.running && this.#queue.size === 0) {
      this.#running += 1;
      return this.#leaveOnce();
    }
    if (this.#queue.size >= this.#options.waiting) {
      throw new ResourceExhaustedError(
        `${this.#running} queries run and ${this.#queue.size} wait; retry in a moment`,
      );
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        this.#queue.delete(turn);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(turn);
    });
    return this.#leaveOnce();
  }

  #leaveOnce(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#queue;
      // The turn passes on as it is: the number of running queries stays.
      if (next === undefined) this.#running -= 1;
      else {
        this.#queue.delete(next);
        next();
      }
    };
  }
}
