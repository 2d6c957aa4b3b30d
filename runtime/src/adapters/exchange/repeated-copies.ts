import { join } from "node:path";
import { Recent } from "../../core/recent.ts";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Connection, Database, PreparedStatement } from "../../ports/database.ts";

/** One COPY into a path that nobody else uses until `release`. */
export interface Copy {
  readonly path: string;
  /** Run it; gives the number of rows. */
  run(signal: AbortSignal): Promise<number>;
  release(): void;
}

/** A statement that failed is not kept: what it read may be gone. */
interface Kept extends Copy {
  readonly key: string;
  readonly statement: PreparedStatement;
  readonly connection: Connection & { release(): void };
  failed: boolean;
}

/** Statements that are kept planned, and texts that are remembered to have run once. */
const [keptStatements, remembered] = [32, 500];

/**
 * COPY statements of which the repeated ones stay planned: planning the union of a thousand partitions takes longer
 * than reading them. The engine plans again by itself when a table that a statement reads was replaced.
 */
export class RepeatedCopies {
  readonly #database: Database;
  readonly #directory: string;
  readonly #seen = new Recent<string, true>(remembered);
  /** Those that do not run, the longest unused first. */
  readonly #idle: Kept[] = [];
  #kept = 0;
  #files = 0;
  #closed = false;

  constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }

  /** @param options of COPY. */
  async acquire(select: string, options: string): Promise<Copy> {
    const key = `${options} ${select}`;
    const index = this.#idle.findLastIndex((copy) => copy.key === key);
    if (index >= 0) return this.#idle.splice(index, 1)[0] as Kept;
    const path = join(this.#directory, `direct-${this.#files++}`);
    const sql = `COPY (${select}) TO ${quoteLiteral(path)} (${options})`;
    const repeated = this.#seen.get(key) === true;
    this.#seen.set(key, true);
    if (repeated && this.#makeRoom()) return this.#prepare(key, path, sql);
    return { path, run: (signal) => this.#database.run(sql, { signal }), release: () => undefined };
  }

  /** Forget the statements that do not run; the others when they end. */
  close(): void {
    this.#closed = true;
    for (const copy of this.#idle.splice(0)) this.#drop(copy);
  }

  #makeRoom(): boolean {
    if (this.#kept < keptStatements) return true;
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  async #prepare(key: string, path: string, sql: string): Promise<Copy> {
    this.#kept += 1;
    let connection: Kept["connection"] | undefined;
    try {
      connection = await this.#database.acquire();
      const statement = await connection.prepare(sql);
      const copy: Kept = {
        key,
        path,
        statement,
        connection,
        failed: false,
        run: async (signal) => {
          copy.failed = true;
          const rows = await statement.run({ signal });
          copy.failed = false;
          return rows;
        },
        release: () => {
          if (copy.failed || this.#closed) this.#drop(copy);
          else this.#idle.push(copy);
        },
      };
      return copy;
    } catch (error) {
      this.#kept -= 1;
      connection?.release();
      throw error;
    }
  }

  #drop({ statement, connection }: Kept): void {
    this.#kept -= 1;
    statement.close();
    connection.release();
  }
}
