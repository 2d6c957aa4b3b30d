/**
 * How the result of a fragment travels from an executor to the node that asked for it (spec chapter 07).
 *
 * A fragment's SQL reads from scans by name; the executor binds each scan to the pinned versions of the
 * partitions that the scan lists. The result comes back as frames at the reader's pace: each frame is one complete
 * Parquet file whose columns are encoded so that every DuckDB type survives, or what else the request allows.
 */
export interface Exchange {
  /** Run `request` on `executor` (an id of the cluster document). Aborting `signal` stops the fragment there. */
  run(executor: string, request: FragmentRequest, signal: AbortSignal): FragmentResult;
}

/** Runs fragments on the node that holds the data. */
export interface FragmentRunner {
  run(request: FragmentRequest, signal: AbortSignal): FragmentResult;
}

/** The one envelope that a fragment travels in. Plain data: it is sent as JSON. */
export interface FragmentRequest {
  readonly protocol: 1;
  readonly queryId: string;
  readonly fragmentId: string;
  /** A SELECT over the names in `scans` and `inputs`, in DuckDB's dialect. */
  readonly sql: string;
  readonly scans: readonly FragmentScan[];
  /**
   * The same result without grouping first, and which of its columns are the grouping keys: the executor samples how
   * far grouping would shrink the data, and takes this one when it hardly does.
   */
  readonly ungrouped?: { readonly sql: string; readonly keys: readonly string[]; readonly scan: string };
  /**
   * The reader takes a result of up to so many rows as one inline frame (`adapters/exchange/frames/inline-frame.ts`) instead
   * of Parquet.
   */
  readonly inlineRows?: number;
  /** The reader takes the figures in one message with an inline frame, which is a whole result. */
  readonly statsWithFrame?: boolean;
  /**
   * The reader takes the result as frames that are each a record batch of Arrow's IPC stream format, in the Arrow types
   * of `columns`. An executor that does not offer it, or cannot for these columns, answers as if this was not there.
   */
  readonly recordBatches?: boolean;
  /** Columns of the result, in order, as DuckDB types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Milliseconds left of the query's time when the request was sent. */
  readonly deadlineMs: number;
  /** W3C traceparent of the query. */
  readonly trace: string;
}

/** One table that a fragment reads: which partitions of it, each pinned to a version. */
export interface FragmentScan {
  /** The relation name in the fragment's SQL. */
  readonly name: string;
  /** The table's full name, e.g. `spice.public.sales`. */
  readonly table: string;
  /** The revision of the table's assignment that the plan was made from. */
  readonly revision: number;
  readonly partitions: readonly PinnedPartition[];
}

export interface PinnedPartition {
  /** The canonical key of the partition (`core/partition`). */
  readonly key: string;
  readonly epoch: number;
  readonly version: number;
}

export interface FragmentResult {
  /**
   * Complete Parquet files in order; where the request allows it one inline frame, or record batches. The writer waits
   * while the reader does not pull.
   */
  readonly frames: AsyncIterable<Uint8Array>;
  /** Settles after the last frame was read; rejects with the fragment's error, as `frames` does. */
  readonly stats: Promise<FragmentStats>;
}

export interface FragmentStats {
  readonly rows: number;
  readonly bytes: number;
  readonly durationMs: number;
  /** True when the fragment skipped partial aggregation because a sample showed that it would not pay. */
  readonly ungrouped: boolean;
}

/** The holder knows a newer assignment or no longer has the pinned version: plan again (before the first row). */
export class StalePlanError extends Error {
  override readonly name = "StalePlanError";
}

/** The executor could not be reached, or went away in the middle of the fragment. */
export class ExecutorUnavailableError extends Error {
  override readonly name = "ExecutorUnavailableError";
  readonly executor: string;
  constructor(executor: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.executor = executor;
  }
}

/** A node is at a limit (memory, concurrent work): the same request may succeed later (HTTP 503). */
export class ResourceExhaustedError extends Error {
  override readonly name = "ResourceExhaustedError";
}
