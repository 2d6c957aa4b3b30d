import type { Clock } from "@spice-shards/kube";
import type { OperatorMetrics } from "../metrics.ts";

/**
 * Watches, through what the controller measures, whether its queue moves: work that waits while nothing ends is a
 * process that hangs.
 */
export class Progress {
  readonly #clock: Clock;
  #depth = 0;
  /** When something last ended, or the queue was last empty. */
  #movedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#movedAt = clock.monotonicMs();
  }

  /** The same metrics, watched. */
  watch(metrics: OperatorMetrics): OperatorMetrics {
    return {
      ...metrics,
      reconciled: (result, ms) => {
        this.#movedAt = this.#clock.monotonicMs();
        metrics.reconciled(result, ms);
      },
      queueDepth: (keys) => {
        if (this.#depth === 0 || keys === 0) this.#movedAt = this.#clock.monotonicMs();
        this.#depth = keys;
        metrics.queueDepth(keys);
      },
    };
  }

  /** Nothing waits any more: a term has ended. */
  reset(): void {
    this.#depth = 0;
  }

  /** For how long work has waited without anything ending; 0 when nothing waits. */
  stuckMs(): number {
    return this.#depth === 0 ? 0 : this.#clock.monotonicMs() - this.#movedAt;
  }
}
