import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from "@duckdb/node-api";

/** A value that a control query returns: JSON, with 64-bit integers and decimals as strings. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface SqlColumn {
  readonly name: string;
  /** The DuckDB type as SQL text, e.g. `DECIMAL(15,2)` or `STRUCT(a INTEGER)[]`. */
  readonly type: string;
}

/** A value bound to a parameter of a control query. */
export type SqlValue = null | boolean | number | bigint | string;

export interface SqlOptions {
  readonly parameters?: readonly SqlValue[];
  /** Aborting interrupts the statement; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A list of values bound to a parameter; the statement casts it to the list type. */
export interface ListParameter {
  readonly elementType: DuckDBType;
  readonly values: readonly DuckDBValue[];
}

/** An open result whose chunks are pulled one at a time: a reader that stops pulling stops the engine. */
export interface ChunkStream {
  readonly columns: readonly (SqlColumn & { readonly duckType: DuckDBType })[];
  readonly chunks: AsyncIterable<DuckDBDataChunk>;
}

/** One connection: statements on it run one after another. */
export interface Connection {
  /** Run one or more statements; returns the rows that the last one changed. */
  run(sql: string, options?: SqlOptions): Promise<number>;
  /** All rows as JSON objects. For control queries only: never for a user's rows (they stay in the engine). */
  rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]>;
  /** The result as a stream of engine chunks, bounded in memory whatever its size. */
  stream(sql: string, options?: SqlOptions): Promise<ChunkStream>;
  /**
   * The result of a statement over lists, `$1` and so on, as a stream of engine chunks. The statement stays prepared on
   * this connection, so texts should repeat; nothing else may run on the connection before the stream's end.
   */
  streamOver(
    sql: string,
    lists: readonly ListParameter[],
    options?: Pick<SqlOptions, "signal">,
  ): Promise<ChunkStream>;
  /** The result columns of a SELECT without running it. */
  describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]>;
  /** A statement that runs many times on this connection; the engine plans it once while what it reads stays. */
  prepare(sql: string): Promise<PreparedStatement>;
}

/** A result that lies in memory. */
export interface SmallResult extends Pick<ChunkStream, "columns"> {
  readonly chunks: readonly DuckDBDataChunk[];
}

export interface PreparedStatement {
  /** Run it; returns the rows that it changed. */
  run(options?: Pick<SqlOptions, "signal">): Promise<number>;
  /** Its result as a stream of engine chunks; nothing else may run on the connection before its end. */
  stream(options?: Pick<SqlOptions, "signal">): Promise<ChunkStream>;
  /** Its whole result at once, for a third of a stream's hops between threads: only for what is known to be small. */
  all(options?: Pick<SqlOptions, "signal">): Promise<SmallResult>;
  /** Forget it. It must not run at that time. */
  close(): void;
}

/** One DuckDB instance with a pool of connections. */
export interface Database {
  /** Lend a connection for the duration of `use`; it goes back to the pool also when `use` throws. */
  withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** A connection that the caller must release. */
  acquire(): Promise<Connection & { release(): void }>;
  run(sql: string, options?: SqlOptions): Promise<number>;
  rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]>;
  describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]>;
  /** Close every connection and the instance. Safe to call twice. */
  close(): Promise<void>;
}

/** The engine refused or failed a statement. `message` is the engine's own text. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  /** The engine's class of error, e.g. `Parser`, `Binder`, `Catalog`, `Out of Memory`, `Interrupt`. */
  readonly category: string;
  readonly sql: string;
  constructor(message: string, options: { category: string; sql: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.category = options.category;
    this.sql = options.sql;
  }
}
