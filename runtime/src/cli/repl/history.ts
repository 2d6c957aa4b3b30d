import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const kept = 1000;

/** The statements of earlier sessions, in `~/.spice/sql_history`. */
export class History {
  readonly #file: string;
  readonly #dir: string;

  constructor(home: string) {
    this.#dir = join(home, ".spice");
    this.#file = join(this.#dir, "sql_history");
  }

  /** Newest first, one line each. */
  load(): string[] {
    try {
      return readFileSync(this.#file, "utf8").split("\n").filter(Boolean).slice(-kept).reverse();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  add(statement: string): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    // It may hold data that others on the machine must not see.
    appendFileSync(this.#file, `${statement.replace(/\s*\n\s*/g, " ")}\n`, { mode: 0o600 });
  }
}
