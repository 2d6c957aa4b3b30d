import type { Io } from "./io.ts";

/** One line that changes in place on a terminal; elsewhere a new line whenever the text changes much. */
export class Progress {
  readonly #out: Io["stderr"];
  #shown = false;
  #printedAt = 0;

  constructor(out: Io["stderr"]) {
    this.#out = out;
  }

  show(text: string): void {
    if (this.#out.isTTY === true) {
      this.#out.write(`\r\u001b[2K${text}`);
      this.#shown = true;
      return;
    }
    // A log file does not want five lines a second.
    if (performance.now() - this.#printedAt < 5000) return;
    this.#printedAt = performance.now();
    this.#out.write(`${text}\n`);
  }

  /** The last word. */
  done(text: string): void {
    this.clear();
    this.#out.write(`${text}\n`);
  }

  clear(): void {
    if (this.#shown) this.#out.write("\r\u001b[2K");
    this.#shown = false;
  }
}
