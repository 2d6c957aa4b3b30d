import type { MoveReport } from "../../core/cluster/moves/move-input.ts";
import type { Logger } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";

/** Says in logs and metrics what the moves of a cycle did, and once what keeps them from going on. */
export class MoveLog {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #warned = new Map<string, string | undefined>();

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Tell what one run of the moves reported. */
  tell({ steps, removed, empty, condition, overCapacity, stranded }: MoveReport): void {
    const log = this.#log;
    const lost = removed.filter((id) => !empty.includes(id));
    if (lost.length > 0) log.warn({ executors: lost }, "Executors are lost: their partitions move");
    if (empty.length > 0) log.info({ executors: empty }, "Executors have left that held no partition");
    const learning = steps.filter(({ kind }) => kind === "learn");
    if (learning.length > 0) log.info({ partitions: learning.length }, "Partitions begin to move");
    const promoted = steps.filter(({ kind }) => kind === "promote").length;
    this.#metrics.counter("scheduler_partition_state_operations").inc({ status: "reassigned" }, promoted);
    if (promoted > 0) log.info({ partitions: promoted }, "Partitions have moved");
    this.#warnOnce("moves", condition);
    this.#warnOnce("capacity", overCapacity.length > 0 ? "All executors at capacity" : undefined);
    this.#warnOnce("stranded", stranded > 0 ? "No suitable executor found for partition" : undefined);
  }

  /** Warn when a topic's state begins or changes; `undefined`: it is over. */
  #warnOnce(topic: string, state: string | undefined): void {
    if (state !== undefined && this.#warned.get(topic) !== state) this.#log.warn(state);
    this.#warned.set(topic, state);
  }
}
