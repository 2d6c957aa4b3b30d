import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { ChunkStream, Json } from "./database.ts";

/** Answers SQL over the whole cluster: what HTTP, Flight SQL and the command line stand on. */
export interface QueryService {
  /**
   * Plan and run one statement. Errors before the first row reject here: {@link InvalidQueryError},
   * `ResourceExhaustedError`, {@link QueryUnavailableError}, or the signal's reason.
   */
  query(request: QueryRequest): Promise<QueryResult>;
}

export interface QueryRequest {
  readonly sql: string;
  /** Values for `$1`… or `?`, in order. */
  readonly parameters?: readonly Json[];
  /** Milliseconds for the whole query; the service's default when absent. */
  readonly timeoutMs?: number;
  /** The reader takes rows as record batches too ({@link RowStream.batches}). */
  readonly recordBatches?: boolean;
  /** Aborted when the client goes away: every fragment stops within 100 ms. */
  readonly signal: AbortSignal;
}

/** Rows as chunks of the engine or, where the reader takes them, as record batches. */
export interface RowStream extends ChunkStream {
  /**
   * Only for requests with `recordBatches`, and only when rows come that way: read this, for `chunks` then throws.
   * Bytes are complete record batches of Arrow's IPC stream format, without schema and end, in the Arrow types of
   * `columns`; what did not come as such is there as chunks.
   */
  readonly batches?: AsyncIterable<Uint8Array | DuckDBDataChunk>;
}

export interface QueryResult extends RowStream {
  readonly queryId: string;
  /** Filled while the query runs; complete once the chunks are read. */
  readonly stats: QueryStats;
  /** Release everything that the query holds. Idempotent; needed also when the chunks were not read to the end. */
  close(): Promise<void>;
}

export interface QueryStats {
  strategy: string;
  executors: string[];
  partitionsTotal: number;
  partitionsRead: number;
  /** Bytes and rows of fragment results that reached this node. */
  fetchedBytes: number;
  fetchedRows: number;
  planningMs: number;
}

/** The statement is wrong or not allowed (HTTP 400): the message says where and what to do. */
export class InvalidQueryError extends Error {
  override readonly name = "InvalidQueryError";
  /** Byte offset in the statement, where known. */
  readonly position: number | undefined;
  constructor(message: string, options: { position?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.position = options.position;
  }
}

/** Some needed partition has no serving holder (HTTP 503). Never a partial answer. */
export class QueryUnavailableError extends Error {
  override readonly name = "QueryUnavailableError";
}
