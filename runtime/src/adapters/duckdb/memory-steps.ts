import { Turns } from "../../core/turns.ts";
import { type Database, SqlError } from "../../ports/database.ts";

/** Bytes that an engine may take: the little that it usually gets by with, and the most. */
export interface MemoryStepOptions {
  readonly usualBytes: number;
  readonly mostBytes: number;
}

/**
 * The memory limit of an engine that was opened with the usual bytes: the most for as long as somebody holds it, and
 * the usual ones again as soon as a statement begins that nobody holds it beside.
 */
export class MemorySteps {
  readonly #database: Pick<Database, "run">;
  readonly #options: MemoryStepOptions;
  #holders = 0;
  #isRaised = false;
  /** Changes of the limit run one after another. */
  readonly #turns = new Turns();

  constructor(database: Pick<Database, "run">, options: MemoryStepOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** Allow the most until the returned function is called, which may be called twice. */
  async raise(): Promise<() => void> {
    this.#holders += 1;
    let held = true;
    const release = () => {
      if (held) this.#holders -= 1;
      held = false;
    };
    try {
      await this.#turns.take(async () => {
        if (this.#isRaised) return;
        await this.#set(this.#options.mostBytes);
        this.#isRaised = true;
      });
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Go back to the usual limit when nobody holds more; takes no time where it is in force. */
  async settle(): Promise<void> {
    if (!this.#isRaised || this.#holders > 0) return;
    await this.#turns.take(async () => {
      if (!this.#isRaised || this.#holders > 0) return;
      try {
        await this.#set(this.#options.usualBytes);
        this.#isRaised = false;
      } catch (error) {
        // Statements that began with more still use it: a later one tries again.
        if (!(error instanceof SqlError && error.category === "Out of Memory")) throw error;
      }
    });
  }

  async #set(bytes: number): Promise<void> {
    await this.#database.run(`SET GLOBAL memory_limit = '${memorySize(bytes)}'`);
  }
}

/** A number of bytes as the engine's settings take it. */
export function memorySize(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)}MiB`;
}
