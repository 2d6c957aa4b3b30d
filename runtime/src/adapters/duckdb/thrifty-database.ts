import type { DuckDBDataChunk } from "@duckdb/node-api";
import {
  type ChunkStream,
  type Connection,
  type Database,
  type Json,
  type ListParameter,
  type PreparedStatement,
  type SqlColumn,
  SqlError,
  type SqlOptions,
} from "../../ports/database.ts";
import { type MemoryStepOptions, MemorySteps } from "./memory-steps.ts";

/**
 * A database that gets by with little memory: its engine, opened with the usual limit, spills beyond that. A statement
 * that the engine cannot finish so, for what it needs cannot spill, runs once more with the most; nobody has seen a row of
 * it by then. A result of more than a few chunks gets the most too before its first row is given away, for it
 * could not begin again. Only reading statements may run more than once, so `run` and `prepare` are what they are without.
 */
export function thriftyDatabase(database: Database, options: MemoryStepOptions): Database {
  return new ThriftyDatabase(database, new MemorySteps(database, options));
}

class ThriftyDatabase implements Database {
  readonly #database: Database;
  readonly #memory: MemorySteps;

  constructor(database: Database, memory: MemorySteps) {
    this.#database = database;
    this.#memory = memory;
  }

  async acquire(): Promise<Connection & { release(): void }> {
    return new ThriftyConnection(await this.#database.acquire(), this.#memory);
  }

  async withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.acquire();
    try {
      return await use(connection);
    } finally {
      connection.release();
    }
  }

  run(sql: string, options?: SqlOptions): Promise<number> {
    return this.#database.run(sql, options);
  }

  rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]> {
    return this.withConnection((connection) => connection.rows(sql, options));
  }

  describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]> {
    return this.#database.describe(sql, options);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** Chunks that are read ahead to know whether a result is over before its first row is given away. */
const chunksAhead = 4;

class ThriftyConnection implements Connection {
  readonly #connection: Connection & { release(): void };
  readonly #memory: MemorySteps;
  /** Ends the hold on more memory that a statement of this connection needed. */
  #holding: (() => void) | undefined;

  constructor(connection: Connection & { release(): void }, memory: MemorySteps) {
    this.#connection = connection;
    this.#memory = memory;
  }

  release(): void {
    this.#holding?.();
    this.#holding = undefined;
    this.#connection.release();
  }

  run(sql: string, options?: SqlOptions): Promise<number> {
    return this.#connection.run(sql, options);
  }

  rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]> {
    return this.#enough(() => this.#connection.rows(sql, options));
  }

  stream(sql: string, options?: SqlOptions): Promise<ChunkStream> {
    return this.#stream(() => this.#connection.stream(sql, options));
  }

  streamOver(
    sql: string,
    lists: readonly ListParameter[],
    options?: Pick<SqlOptions, "signal">,
  ): Promise<ChunkStream> {
    return this.#stream(() => this.#connection.streamOver(sql, lists, options));
  }

  describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]> {
    return this.#connection.describe(sql, options);
  }

  prepare(sql: string): Promise<PreparedStatement> {
    return this.#connection.prepare(sql);
  }

  async #stream(open: () => Promise<ChunkStream>): Promise<ChunkStream> {
    const begun = await this.#enough(() => begin(open));
    if (begun.rest !== undefined) await this.#hold();
    return { columns: begun.columns, chunks: chunksOf(begun) };
  }

  /** What a statement gives, if need be with the most memory. */
  async #enough<T>(work: () => Promise<T>): Promise<T> {
    await this.#memory.settle();
    try {
      return await work();
    } catch (error) {
      if (this.#holding !== undefined || !mayNeedMemory(error)) throw error;
      await this.#hold();
      return await work();
    }
  }

  async #hold(): Promise<void> {
    this.#holding ??= await this.#memory.raise();
  }
}

/** A result whose first chunks are there. */
interface BegunStream {
  readonly columns: ChunkStream["columns"];
  readonly head: readonly DuckDBDataChunk[];
  /** What comes after them, unless they are all. */
  readonly rest: AsyncIterator<DuckDBDataChunk> | undefined;
}

async function begin(open: () => Promise<ChunkStream>): Promise<BegunStream> {
  const { columns, chunks } = await open();
  const rest = chunks[Symbol.asyncIterator]();
  const head: DuckDBDataChunk[] = [];
  while (head.length < chunksAhead) {
    const next = await rest.next();
    if (next.done === true) return { columns, head, rest: undefined };
    head.push(next.value);
  }
  return { columns, head, rest };
}

async function* chunksOf({ head, rest }: BegunStream): AsyncGenerator<DuckDBDataChunk, void, undefined> {
  yield* head;
  if (rest === undefined) return;
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Memory ran out, or a result broke off after its first chunk: the engine does not say why. */
function mayNeedMemory(error: unknown): boolean {
  return error instanceof SqlError && (error.category === "Out of Memory" || error.category === "Query");
}
