import type { PartitionReport } from "../core/cluster/membership/messages.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { PartitionState } from "./storage/partition-slot.ts";
import type { RefreshReport } from "./storage/refresh-types.ts";

export interface PartitionReportsOptions {
  readonly fullName: string;
  /** The partitions as they are now. */
  partitions(): readonly PartitionState[];
  report(report: PartitionReport): void;
}

/** What schedulers are told of one table's partitions, with when each was refreshed and why the last try failed. */
export class PartitionReports {
  readonly #options: PartitionReportsOptions;
  readonly #failures = new Map<string, string>();
  readonly #refreshedAtMs = new Map<string, number>();

  constructor(options: PartitionReportsOptions) {
    this.#options = options;
  }

  /** Why the last load or refresh of a partition failed; undefined when it did not. */
  failure(key: string): string | undefined {
    return this.#failures.get(key);
  }

  /** Wall milliseconds of the last refresh; undefined before the first. */
  refreshedAtMs(key: string): number | undefined {
    return this.#refreshedAtMs.get(key);
  }

  /** Report those of the partitions that are loaded. */
  loaded(keys: Iterable<string>): void {
    const held = new Map(this.#options.partitions().map((p) => [p.key, p]));
    for (const key of keys) {
      const state = held.get(key);
      if (state?.loaded !== true) continue;
      const error = this.#failures.get(key);
      this.#options.report({
        table: this.#options.fullName,
        key,
        epoch: state.epoch,
        state: "loaded",
        version: state.version,
        rows: state.rows,
        bytes: state.bytes,
        ...(error === undefined ? {} : { error }),
        lastRefreshMs: this.#refreshedAtMs.get(key) ?? 0,
      });
    }
  }

  loading(key: string, epoch: number): void {
    this.#options.report({ ...nothing, table: this.#options.fullName, key, epoch, state: "loading" });
  }

  failed(key: string, epoch: number, error: string): void {
    this.#failures.set(key, error);
    this.#options.report({ ...nothing, table: this.#options.fullName, key, epoch, state: "failed", error });
  }

  /** What a refresh or load says of the partitions that it brought up to date. */
  refreshed(
    { partitions, failed }: Pick<RefreshReport, "failed"> & { partitions: readonly { key: string }[] },
    atMs: number,
  ): void {
    const problems = new Map(failed.map(({ key, error }) => [key, messageOf(error)]));
    for (const { key } of partitions) {
      // One that failed goes on serving what it had.
      const problem = problems.get(key);
      if (problem !== undefined) {
        this.#failures.set(key, problem);
        continue;
      }
      this.#failures.delete(key);
      if (atMs > 0) this.#refreshedAtMs.set(key, atMs);
    }
    this.loaded(partitions.map(({ key }) => key));
  }
}

const nothing = { version: 0, rows: 0, bytes: 0 } as const;
