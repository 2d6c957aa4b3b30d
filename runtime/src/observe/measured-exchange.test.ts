import { expect, test } from "@jest/globals";
import type { FragmentRequest, FragmentResult } from "../ports/exchange.ts";
import { MeasuredExchange } from "./measured-exchange.ts";
import { Metrics } from "./metrics.ts";

const request = (queryId: string): FragmentRequest => ({
  protocol: 1,
  queryId,
  fragmentId: "f0",
  sql: "",
  scans: [],
  columns: [],
  deadlineMs: 1_000,
  trace: "",
});

test("times each fragment, and a stage from its first fragment to the end of its last one", async () => {
  const metrics = new Metrics({ role: "scheduler", nodeId: "n" });
  try {
    let now = 0;
    async function* frames(executor: string): AsyncGenerator<Uint8Array, void> {
      yield new Uint8Array(1);
      if (executor === "bad") throw new Error("broken");
    }
    const inner = {
      run: (executor: string): FragmentResult => ({
        frames: frames(executor),
        stats: Promise.resolve({ rows: 0, bytes: 0, durationMs: 0, ungrouped: false }),
      }),
    };
    const exchange = new MeasuredExchange(inner, metrics, { monotonicMs: () => now });
    const start = async (executor: string, query: string) => {
      const reader = exchange
        .run(executor, request(query), new AbortController().signal)
        .frames[Symbol.asyncIterator]();
      await reader.next();
      return reader;
    };
    const [one, two] = [await start("e1", "q1"), await start("e2", "q1")];
    const other = await start("bad", "q2");
    expect(await metrics.text()).toContain("scheduler_task_queue_depth 3");
    now = 10;
    await one.next();
    now = 40;
    await two.return?.();
    await expect(other.next()).rejects.toThrow("broken");
    const text = await metrics.text();
    for (const line of [
      "scheduler_task_queue_depth 0",
      "scheduler_result_fetch_duration_ms_count 3",
      "scheduler_result_fetch_duration_ms_sum 90",
      "scheduler_stage_duration_ms_count 2",
      "scheduler_stage_duration_ms_sum 80",
    ]) {
      expect(text).toContain(line);
    }
  } finally {
    metrics.close();
  }
});
