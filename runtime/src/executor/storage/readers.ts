import { StalePlanError } from "../../ports/exchange.ts";

/** Counts who reads a table, so that its storage goes after the last of them. */
export class Readers {
  readonly #none = Promise.withResolvers<void>();
  #count = 0;
  #closed = false;

  /**
   * Count a reader until the function that is given back is called, which calls `release` once. After `close` it is
   * called at once, and `StalePlanError` is thrown: by the time of the next plan the table is open again or elsewhere.
   */
  add(release: () => void): () => void {
    if (this.#closed) {
      release();
      throw new StalePlanError("The table is closing here");
    }
    this.#count++;
    let reads = true;
    return () => {
      if (!reads) return;
      reads = false;
      release();
      this.#count--;
      this.#settle();
    };
  }

  /** Take no more readers; resolves when the last one has ended. */
  close(): Promise<void> {
    this.#closed = true;
    this.#settle();
    return this.#none.promise;
  }

  #settle(): void {
    if (this.#closed && this.#count === 0) this.#none.resolve();
  }
}
