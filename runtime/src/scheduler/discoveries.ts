import type { App, AppTable } from "../core/app/app.ts";
import type { PartitionValues } from "../core/cluster/document/partition-values.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Clock } from "../ports/clock.ts";

export interface DiscoveriesOptions {
  readonly app: () => App;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Partition values of a table, asked from its source. */
  discover(table: AppTable, signal: AbortSignal): Promise<PartitionValues>;
}

/** Asks sources for partition values within `partition_discovery_timeout`, and keeps each table's last failure. */
export class Discoveries {
  readonly #options: DiscoveriesOptions;
  readonly #errors = new Map<string, string>();

  constructor(options: DiscoveriesOptions) {
    this.#options = options;
  }

  /** The last failure of a table's discovery, by full name; undefined after a success. */
  error(table: string): string | undefined {
    return this.#errors.get(table);
  }

  /** A table could not be discovered: keep why, and say it. */
  failed(table: string, error: unknown): void {
    const cause = messageOf(error);
    this.#errors.set(table, cause);
    this.#options.log.error({ dataset: table, cause }, "Partition discovery failed; the assignment stays");
  }

  /** Rejects with the source's error, or `Partition discovery timed out for table …`. */
  async discover(name: string, signal: AbortSignal): Promise<PartitionValues> {
    const { app, clock, metrics } = this.#options;
    const table = app().tables.find((t) => t.fullName === name);
    if (table === undefined) throw new Error(`${name} is not an accelerated table of the spicepod in force`);
    const timeout = AbortSignal.timeout(app().scheduler.partitionDiscoveryTimeout);
    const started = clock.monotonicMs();
    try {
      const values = await this.#options.discover(table, AbortSignal.any([signal, timeout]));
      this.#errors.delete(name);
      return values;
    } catch (error) {
      if (!timeout.aborted || signal.aborted) throw error;
      throw new Error(`Partition discovery timed out for table ${name}`, { cause: error });
    } finally {
      const elapsed = clock.monotonicMs() - started;
      metrics
        .histogram("scheduler_partition_discovery_duration_ms")
        .observe({ dataset: table.name }, elapsed);
    }
  }
}
