import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Clock } from "../ports/clock.ts";
import { ExecutorUnavailableError, ResourceExhaustedError } from "../ports/exchange.ts";
import {
  InvalidQueryError,
  type QueryRequest,
  type QueryResult,
  type QueryService,
  QueryUnavailableError,
} from "../ports/query-service.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";

type FailureCode = "invalid" | "unavailable" | "resource_exhausted" | "timeout" | "cancelled" | "internal";

/** A query service that counts, times and logs the queries of another, whichever endpoint they came from. */
export class MeasuredQueries implements QueryService {
  readonly #inner: QueryService;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(inner: QueryService, metrics: Metrics, clock: Clock, logger: Logger) {
    this.#inner = inner;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logger = logger;
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const started = this.#clock.monotonicMs();
    this.#metrics.counter("query_executions").inc();
    let result: QueryResult;
    try {
      result = await this.#inner.query(request);
    } catch (error) {
      this.#failed(error, request, undefined, started);
      throw error;
    }
    this.#metrics.histogram("query_executor_count").observe(result.stats.executors.length);
    this.#metrics.histogram("scheduler_planning_duration_ms").observe(result.stats.planningMs);
    return this.#watched(result, request, started);
  }

  /** What the fragments of a query brought to this node. */
  #fetched({ stats }: QueryResult): void {
    this.#metrics.counter("scheduler_stages_total").inc(stats.executors.length > 0 ? 2 : 1);
    this.#metrics.counter("scheduler_result_fetch_bytes").inc(stats.fetchedBytes);
    this.#metrics.counter("scheduler_result_fetch_rows").inc(stats.fetchedRows);
    this.#metrics.counter("scheduler_result_fetch_count").inc(stats.executors.length);
  }

  /**
   * The result with its end observed: of its rows, or of the reader's patience. A success is written down when the
   * result is closed, which a reader does after it has answered its client.
   */
  #watched(result: QueryResult, request: QueryRequest, started: number): QueryResult {
    const planned = this.#clock.monotonicMs();
    let ended = false;
    let success: (() => void) | undefined;
    const succeeded = (rows: number) => {
      if (ended) return;
      ended = true;
      const now = this.#clock.monotonicMs();
      success = () => record(rows, now);
    };
    const record = (rows: number, now: number) => {
      this.#metrics.histogram("query_duration_ms").observe(now - started);
      this.#metrics.histogram("query_execution_duration_ms").observe(now - planned);
      this.#fetched(result);
      const { strategy, executors, partitionsRead, partitionsTotal, fetchedBytes } = result.stats;
      this.#logger.info(
        {
          query_id: result.queryId,
          duration_ms: Math.round(now - started),
          rows,
          strategy,
          executors: executors.length,
          partitions_read: partitionsRead,
          partitions_total: partitionsTotal,
          fetched_bytes: fetchedBytes,
        },
        "Query finished",
      );
    };
    // Record batches are the rows of fragments as they came.
    const fetched = () => succeeded(result.stats.fetchedRows);
    const failed = (error: unknown) => {
      if (ended) return;
      ended = true;
      this.#fetched(result);
      this.#failed(error, request, result.queryId, started);
    };
    return {
      queryId: result.queryId,
      stats: result.stats,
      columns: result.columns,
      chunks: observed(result.chunks, succeeded, failed),
      ...(result.batches === undefined ? {} : { batches: observed(result.batches, fetched, failed) }),
      close: async () => {
        if (!ended) failed(request.signal.aborted ? request.signal.reason : new ResultDroppedError());
        success?.();
        success = undefined;
        await result.close();
      },
    };
  }

  #failed(error: unknown, { signal }: QueryRequest, queryId: string | undefined, started: number): void {
    const code = failureCode(error, signal);
    this.#metrics.counter("query_failures").inc({ err_code: code });
    const fields = {
      query_id: queryId,
      err_code: code,
      duration_ms: Math.round(this.#clock.monotonicMs() - started),
      reason: String((error as { message?: unknown }).message ?? error),
    };
    if (code === "internal") this.#logger.error({ ...fields, err: error }, "Query failed");
    else this.#logger.info(fields, "Query failed");
  }
}

/** The reader closed the result before its end. */
class ResultDroppedError extends Error {
  override readonly name = "ResultDroppedError";
  constructor() {
    super("The result was closed before its end");
  }
}

async function* observed<T extends DuckDBDataChunk | Uint8Array>(
  pieces: AsyncIterable<T>,
  succeeded: (rows: number) => void,
  failed: (error: unknown) => void,
): AsyncGenerator<T, void> {
  let rows = 0;
  try {
    for await (const piece of pieces) {
      rows += "rowCount" in piece ? piece.rowCount : 0;
      yield piece;
    }
  } catch (error) {
    failed(error);
    throw error;
  }
  succeeded(rows);
}

function failureCode(error: unknown, signal: AbortSignal): FailureCode {
  const { name, category } = error as { name?: unknown; category?: unknown };
  if (name === "TimeoutError") return "timeout";
  if (signal.aborted || error instanceof ResultDroppedError) return "cancelled";
  if (error instanceof InvalidQueryError) return "invalid";
  if (error instanceof ResourceExhaustedError || category === "Out of Memory") return "resource_exhausted";
  if (error instanceof QueryUnavailableError || error instanceof ExecutorUnavailableError)
    return "unavailable";
  return "internal";
}
