import { ResourceExhaustedError } from "../../ports/exchange.ts";

export interface AdmissionOptions {
  /** Queries that run at the same time. */
  readonly running: number;
  /** Queries that may wait for their turn, and as many again that may stand aside. */
  readonly waiting: number;
}

/** A query's right to run. */
export interface Turn {
  /**
   * Let another query run until `wait` resolves, then wait for a turn again. Throws {@link ResourceExhaustedError} when
   * too many stand aside already, what `wait` throws, and the signal's reason.
   */
  standAside(wait: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Idempotent. */
  end(): void;
}

/** Lets a limited number of queries run; the others wait in the order in which they came. */
export class Admission {
  readonly #options: AdmissionOptions;
  #running = 0;
  #aside = 0;
  readonly #queue = new Set<() => void>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Queries that run now. */
  get running(): number {
    return this.#running;
  }

  /** Queries that wait now, for their turn or for something that they need first. */
  get waiting(): number {
    return this.#queue.size + this.#aside;
  }

  /**
   * Wait for a turn.
   * @throws ResourceExhaustedError when too many wait already; the signal's reason when it is aborted first.
   */
  async enter(signal: AbortSignal): Promise<Turn> {
    signal.throwIfAborted();
    if (this.#mustWait && this.#queue.size >= this.#options.waiting) throw this.#exhausted();
    await this.#take(signal);
    let held = true;
    const end = () => {
      if (held) this.#leave();
      held = false;
    };
    const standAside = async (wait: () => Promise<void>) => {
      if (this.#aside >= this.#options.waiting) throw this.#exhausted();
      end();
      this.#aside += 1;
      try {
        await wait();
      } finally {
        this.#aside -= 1;
      }
      // It was let in before: no matter how many wait by now.
      await this.#take(signal);
      held = true;
    };
    return { standAside, end };
  }

  get #mustWait(): boolean {
    return this.#running >= this.#options.running || this.#queue.size > 0;
  }

  #exhausted(): ResourceExhaustedError {
    return new ResourceExhaustedError(
      `${this.#running} queries run and ${this.waiting} wait; retry in a moment`,
    );
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#mustWait) {
      this.#running += 1;
      return;
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
  }

  #leave(): void {
    const [next] = this.#queue;
    // The turn passes on as it is: the number of running queries stays.
    if (next === undefined) this.#running -= 1;
    else {
      this.#queue.delete(next);
      next();
    }
  }
}
