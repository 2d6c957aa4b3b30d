import type { Clock } from "../ports/clock.ts";
import type { Exchange, FragmentRequest, FragmentResult } from "../ports/exchange.ts";
import type { Metrics } from "./metrics.ts";

/** A fragment of one query, on all executors that run it. */
interface Stage {
  readonly began: number;
  running: number;
}

/** An exchange that counts and times the fragments of another. */
export class MeasuredExchange implements Exchange {
  readonly #inner: Exchange;
  readonly #metrics: Metrics;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #stages = new Map<string, Stage>();

  constructor(inner: Exchange, metrics: Metrics, clock: Pick<Clock, "monotonicMs">) {
    this.#inner = inner;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  run(executor: string, request: FragmentRequest, signal: AbortSignal): FragmentResult {
    const { frames, stats } = this.#inner.run(executor, request, signal);
    return { frames: this.#watched(frames, `${request.queryId}/${request.fragmentId}`), stats };
  }

  async *#watched(frames: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array, void> {
    const began = this.#clock.monotonicMs();
    const stage = this.#stages.get(name) ?? { began, running: 0 };
    this.#stages.set(name, stage);
    stage.running += 1;
    this.#metrics.gauge("scheduler_task_queue_depth").inc();
    try {
      yield* frames;
    } finally {
      const now = this.#clock.monotonicMs();
      this.#metrics.gauge("scheduler_task_queue_depth").dec();
      this.#metrics.histogram("scheduler_result_fetch_duration_ms").observe(now - began);
      stage.running -= 1;
      if (stage.running === 0) {
        this.#stages.delete(name);
        this.#metrics.histogram("scheduler_stage_duration_ms").observe(now - stage.began);
      }
    }
  }
}
