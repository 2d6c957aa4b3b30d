/**
 * Bounds one request in time: `signal` aborts when the caller's signal does or when the time is up. Always `end()` it,
 * so that neither a timer nor a listener is left behind.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout;
  #expired = false;

  constructor(ms: number, outer?: AbortSignal) {
    this.#outer = outer;
    this.#timer = this.#start(ms);
    if (outer?.aborted === true) this.#onOuterAbort();
    else outer?.addEventListener("abort", this.#onOuterAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True when the time ran out (and not the caller aborted). */
  get expired(): boolean {
    return this.#expired;
  }

  /** Allow `ms` more, counted from now. */
  restart(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start(ms);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onOuterAbort);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#expired = true;
      this.#controller.abort(new DOMException(`No answer within ${Math.round(ms)} ms`, "TimeoutError"));
    }, ms);
  }
}
