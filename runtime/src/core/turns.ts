/** Work that is done one after another: each begins when the one before it has ended, however that ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Do `work` when its turn has come; settles as it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  }
}
