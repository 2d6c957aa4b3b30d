import type { HoldRole } from "../../core/cluster/membership/messages.ts";
import type { Accelerator, PartitionValues } from "../../ports/accelerator.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Source } from "../../ports/source.ts";
import type { PartitionState } from "./partition-slot.ts";

/** A partition as the cluster document assigns it. */
export interface AssignedPartition {
  readonly values: PartitionValues;
  readonly epoch: number;
  readonly role: HoldRole;
  /** For a learner: the executor to copy from; absent means from the source. */
  readonly from?: string;
}

export interface RefreshRequest {
  /** The dataset's own mode when absent. */
  readonly mode?: "full" | "append";
  /** Keys of the partitions; all when absent. */
  readonly partitions?: readonly string[];
  /** Instead of the dataset's `refresh_sql`. */
  readonly refreshSql?: string;
  /** Read the source even when its objects did not change. */
  readonly force?: boolean;
}

export interface RefreshReport {
  /** True when the source's objects were those of the last refresh, so that nothing was read. */
  readonly unchanged: boolean;
  /** Rows that were read for this executor's partitions. */
  readonly rows: number;
  readonly durationMs: number;
  /** The partitions in their new state. */
  readonly partitions: readonly PartitionState[];
  readonly failed: readonly { readonly key: string; readonly error: unknown }[];
}

/** How far a refresh is. */
export interface RefreshProgress {
  readonly dataset: string;
  readonly phase: "reading" | "writing" | "done";
  readonly rows: number;
}

export interface TableContext {
  readonly database: Database;
  readonly accelerator: Accelerator;
  readonly source: Source;
  readonly clock: Clock;
  readonly warn?: (message: string, cause: unknown) => void;
}

/** What two parts of one refresh did together. */
export function bothReports(a: RefreshReport, b: RefreshReport): RefreshReport {
  return {
    unchanged: a.unchanged && b.unchanged,
    rows: a.rows + b.rows,
    durationMs: a.durationMs + b.durationMs,
    partitions: [...a.partitions, ...b.partitions],
    failed: [...a.failed, ...b.failed],
  };
}
