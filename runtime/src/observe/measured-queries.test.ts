import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidQueryError, type QueryResult, type QueryService } from "../ports/query-service.ts";
import { Log } from "./log.ts";
import { parseLogLevels } from "./log-level.ts";
import { MeasuredQueries } from "./measured-queries.ts";
import { Metrics } from "./metrics.ts";

const none: readonly never[] = [];

describe("MeasuredQueries", () => {
  let metrics: Metrics;
  let now: number;
  beforeEach(() => {
    now = 1000;
    metrics = new Metrics({ role: "scheduler", nodeId: "n" });
  });
  afterEach(() => metrics.close());

  const measured = (chunks: () => AsyncGenerator<never, void>, failure?: Error) => {
    const inner: QueryService = {
      query: async () => {
        now += 5;
        if (failure !== undefined) throw failure;
        const result: QueryResult = {
          queryId: "q",
          columns: [],
          chunks: chunks(),
          stats: {
            strategy: "gather",
            executors: ["a", "b"],
            partitionsTotal: 3,
            partitionsRead: 2,
            fetchedBytes: 0,
            fetchedRows: 0,
            planningMs: 1,
          },
          close: async () => {},
        };
        return result;
      },
    };
    const clock = { wallMs: () => now, monotonicMs: () => now, sleep: async () => {} };
    return new MeasuredQueries(
      inner,
      metrics,
      clock,
      new Log({ levels: parseLogLevels("silent") }).module("query"),
    );
  };
  async function* rows(): AsyncGenerator<never, void> {
    now += 20;
    yield* none;
  }
  const read = async (service: QueryService, signal = new AbortController().signal) => {
    const result = await service.query({ sql: "SELECT 1", signal });
    try {
      for await (const chunk of result.chunks) void chunk;
    } finally {
      await result.close();
    }
  };

  test("times a query from its arrival to its last row, once", async () => {
    await read(measured(rows));
    const text = await metrics.text();
    expect(text).toContain("query_executions 1");
    expect(text).toContain("query_duration_ms_sum 25");
    expect(text).toContain("query_execution_duration_ms_sum 20");
    expect(text).toContain("query_executor_count_sum 2");
    expect(text).toMatch(/query_failures\{err_code="cancelled"\} 0/);
  });

  test("counts each failure under its code", async () => {
    await expect(read(measured(rows, new InvalidQueryError("no")))).rejects.toThrow("no");
    async function* late(): AsyncGenerator<never, void> {
      yield* none;
      throw new Error("late");
    }
    await expect(read(measured(late))).rejects.toThrow("late");
    const dropped = await measured(rows).query({ sql: "", signal: new AbortController().signal });
    await dropped.close();
    const timeout = new DOMException("t", "TimeoutError");
    await expect(read(measured(rows, timeout), AbortSignal.abort(timeout))).rejects.toThrow();
    const text = await metrics.text();
    for (const code of ["invalid", "internal", "cancelled", "timeout"]) {
      expect(text).toContain(`query_failures{err_code="${code}"} 1`);
    }
    expect(text).toContain("query_duration_ms_count 0");
  });
});
