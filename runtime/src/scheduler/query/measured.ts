import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Metrics } from "../../observe/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import { ResourceExhaustedError, StalePlanError } from "../../ports/exchange.ts";
import {
  InvalidQueryError,
  type QueryRequest,
  type QueryResult,
  type QueryService,
  QueryUnavailableError,
} from "../../ports/query-service.ts";

/** Counts and times the queries of another service (spec chapter 10). */
export function measured(inner: QueryService, metrics: Metrics, clock: Clock): QueryService {
  return {
    async query(request: QueryRequest): Promise<QueryResult> {
      const started = clock.monotonicMs();
      metrics.counter("query_executions").inc();
      let result: QueryResult;
      try {
        result = await inner.query(request);
      } catch (error) {
        metrics.counter("query_failures").inc({ err_code: failureOf(error, request.signal) });
        if (!request.signal.aborted) {
          metrics.counter("query_planning_failures").inc({ error_type: planningFailureOf(error) });
        }
        throw error;
      }
      const { stats } = result;
      metrics.histogram("scheduler_planning_duration_ms").observe(stats.planningMs);
      metrics.histogram("query_executor_count").observe(stats.executors.length);
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        const elapsed = clock.monotonicMs() - started;
        metrics.histogram("query_duration_ms").observe(elapsed);
        metrics.histogram("query_execution_duration_ms").observe(Math.max(0, elapsed - stats.planningMs));
        metrics.counter("scheduler_stages_total").inc(stats.executors.length > 0 ? 2 : 1);
        metrics.counter("scheduler_result_fetch_bytes").inc(stats.fetchedBytes);
        metrics.counter("scheduler_result_fetch_rows").inc(stats.fetchedRows);
        metrics.counter("scheduler_result_fetch_count").inc(stats.executors.length);
      };
      return {
        ...result,
        chunks: counted(result.chunks, (error) =>
          metrics.counter("query_failures").inc({ err_code: failureOf(error, request.signal) }),
        ),
        close: async () => {
          end();
          await result.close();
        },
      };
    },
  };
}

async function* counted(
  chunks: AsyncIterable<DuckDBDataChunk>,
  failed: (error: unknown) => void,
): AsyncGenerator<DuckDBDataChunk> {
  try {
    yield* chunks;
  } catch (error) {
    failed(error);
    throw error;
  }
}

function failureOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "cancelled";
  if (error instanceof InvalidQueryError) return "invalid";
  if (error instanceof ResourceExhaustedError) return "resource_exhausted";
  if (error instanceof Error && error.name === "TimeoutError") return "timeout";
  return error instanceof QueryUnavailableError ? "unavailable" : "internal";
}

function planningFailureOf(error: unknown): string {
  if (error instanceof InvalidQueryError) return "invalid";
  if (error instanceof StalePlanError) return "stale_plan";
  if (!(error instanceof QueryUnavailableError)) return "other";
  return /not assigned/.test(error.message) ? "missing_partitions" : "no_executors";
}
