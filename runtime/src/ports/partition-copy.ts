import type { SqlColumn } from "./database.ts";

/**
 * How a partition travels from the executor that owns it to one that learns it (spec chapter 04, Moves): one version,
 * whole, with all that its next refresh continues from.
 */
export interface PartitionCopier {
  /**
   * The parts of the newest version that `executor` (an id of the cluster document) owns. Nothing is asked before the
   * first part is pulled; the owner sends at the reader's pace and keeps the version until the iteration ends, is left
   * or fails. A normal end means that the copy is whole. Rejects with StalePlanError when the executor does not own the
   * partition at that epoch, ExecutorUnavailableError, ResourceExhaustedError, or the signal's reason.
   */
  copy(
    executor: string,
    request: PartitionCopyRequest,
    signal: AbortSignal,
  ): AsyncGenerator<PartitionCopyPart, void>;
}

/** The owner's side of {@link PartitionCopier}. */
export interface PartitionCopySource {
  copy(request: PartitionCopyRequest, signal: AbortSignal): AsyncGenerator<PartitionCopyPart, void>;
}

export interface PartitionCopyRequest {
  /** The table's full name. */
  readonly table: string;
  /** The canonical key of the partition. */
  readonly key: string;
  /** The epoch under which the executor owns it. */
  readonly epoch: number;
  /** The version that the reader has; 0 for none. When it is the newest, only the header comes. */
  readonly haveVersion: number;
}

export type PartitionCopyPart =
  /** First, once. */
  | { readonly kind: "header"; readonly header: CopiedVersion }
  /** One complete Parquet file; its columns are those of the header, in wire form. */
  | { readonly kind: "frame"; readonly bytes: Uint8Array };

/** What is to be known of a version besides its rows. */
export interface CopiedVersion {
  readonly version: number;
  readonly columns: readonly SqlColumn[];
  readonly rows: number;
  /** As in `TableVersion`: an append goes on from there. */
  readonly watermark: string | null;
  readonly position: string | null;
  /** Wall milliseconds of the owner at its last refresh (information); 0 when it is not known. */
  readonly lastRefreshMs: number;
}
