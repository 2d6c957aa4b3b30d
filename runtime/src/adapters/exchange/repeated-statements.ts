import { Recent } from "../../core/recent.ts";
import type {
  ChunkStream,
  Connection,
  Database,
  PreparedStatement,
  SmallResult,
} from "../../ports/database.ts";

/** A statement that nobody else runs until `release`. */
export interface HeldStatement {
  /** Differs from that of every other held statement. */
  readonly id: number;
  /** Run it; gives the number of rows. */
  run(signal: AbortSignal): Promise<number>;
  /** Open its result, which must be read to its end before `release`, or left by `abandon`. */
  stream(signal: AbortSignal): Promise<ChunkStream>;
  /** Its whole result at once; undefined unless it is kept and its last result was said to be small. */
  allIfSmall(signal: AbortSignal): Promise<SmallResult | undefined>;
  /** Say whether the result that was just read is one to be held in memory the next time. */
  wasSmall(small: boolean): void;
  release(): void;
  /** Release it with an open result. */
  abandon(): Promise<void>;
}

type Lent = Connection & { release(): void };

/** A statement that failed is not kept: what it read may be gone. */
interface Kept extends HeldStatement {
  readonly key: string;
  readonly statement: PreparedStatement;
  readonly connection: Lent;
  failed: boolean;
  small: boolean;
}

/** Statements that are kept planned, and texts that are remembered to have run once. */
const [keptStatements, remembered] = [32, 500];

/**
 * Statements of which the repeated ones stay planned: planning the union of a thousand partitions takes longer than
 * reading them. The engine plans again by itself when a table that a statement reads was replaced.
 */
export class RepeatedStatements {
  readonly #database: Database;
  readonly #seen = new Recent<string, true>(remembered);
  /** Those that do not run, the longest unused first. */
  readonly #idle: Kept[] = [];
  #kept = 0;
  #ids = 0;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param write makes the text from the statement's id; texts of equal keys differ in nothing else. */
  async acquire(key: string, write: (id: number) => string): Promise<HeldStatement> {
    const index = this.#idle.findLastIndex((kept) => kept.key === key);
    if (index >= 0) return this.#idle.splice(index, 1)[0] as Kept;
    const id = this.#ids++;
    const sql = write(id);
    const repeated = this.#seen.get(key) === true;
    this.#seen.set(key, true);
    if (repeated && this.#makeRoom()) return this.#prepare(key, id, sql);
    return this.#once(id, sql);
  }

  /** Forget the statements that do not run; the others when they end. */
  close(): void {
    this.#closed = true;
    for (const kept of this.#idle.splice(0)) this.#drop(kept);
  }

  async #once(id: number, sql: string): Promise<HeldStatement> {
    const connection: Lent = await this.#database.acquire();
    let statement: PreparedStatement | undefined;
    const release = () => {
      statement?.close();
      connection.release();
    };
    return {
      id,
      run: (signal) => connection.run(sql, { signal }),
      stream: async (signal) => {
        // One hop to another thread less than the connection's own way, which first splits the text into statements.
        statement = await connection.prepare(sql);
        return statement.stream({ signal });
      },
      allIfSmall: async () => undefined,
      wasSmall: () => undefined,
      release,
      abandon: async () => {
        await endResult(connection);
        release();
      },
    };
  }

  #makeRoom(): boolean {
    if (this.#kept < keptStatements) return true;
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  async #prepare(key: string, id: number, sql: string): Promise<HeldStatement> {
    this.#kept += 1;
    let connection: Lent | undefined;
    try {
      connection = await this.#database.acquire();
      const statement = await connection.prepare(sql);
      const kept: Kept = {
        key,
        id,
        statement,
        connection,
        failed: false,
        small: false,
        run: async (signal) => {
          kept.failed = true;
          const rows = await statement.run({ signal });
          kept.failed = false;
          return rows;
        },
        stream: async (signal) => {
          kept.failed = true;
          const { columns, chunks } = await statement.stream({ signal });
          return { columns, chunks: untilEnd(chunks, kept) };
        },
        allIfSmall: async (signal) => {
          if (!kept.small) return undefined;
          kept.failed = true;
          const result = await statement.all({ signal });
          kept.failed = false;
          return result;
        },
        wasSmall: (small) => {
          kept.small = small;
        },
        release: () => {
          if (kept.failed || this.#closed) this.#drop(kept);
          else this.#idle.push(kept);
        },
        abandon: async () => {
          await endResult(kept.connection);
          this.#drop(kept);
        },
      };
      return kept;
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

async function* untilEnd(chunks: ChunkStream["chunks"], kept: Kept) {
  yield* chunks;
  kept.failed = false;
}

/** A statement on the same connection is what ends an open result and frees what it holds. */
async function endResult(connection: Connection): Promise<void> {
  await connection.run("SELECT 1");
}
