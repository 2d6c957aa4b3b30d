import type { EngineCapabilities } from "@spice-shards/spicepod";
import type { Database, SqlColumn } from "./database.ts";

/**
 * What every acceleration engine implements (spec chapter 05, The accelerator interface).
 *
 * The storage model: one table per partition, and every version of a table is an ordered list of immutable segments,
 * which are relations of the executor's serving database. A write adds segments and commits a new
 * {@link TableVersion}; the segments of older versions stay readable until `discard`. So readers never see a mixture,
 * and an engine needs no lock between readers and writers.
 */
export interface Accelerator extends AcceleratorDescription {
  /** Open or create the table of one partition. Opening never reads rows. */
  createTable(request: CreateTableRequest): Promise<AcceleratorTable>;
  /** Prepare storage and find the partitions that it already holds. Default: nothing held. */
  init?(dataset: AcceleratedDataset): Promise<InitResult>;
  /**
   * Write tables of one dataset in one atomic step: all new versions are committed, in the order of `inserts`, or none.
   * Throws what `AcceleratorTable.insert` throws. Undefined, and nothing done, for tables that cannot share a step.
   * `confirm` of the rows is not awaited. Default: they cannot.
   */
  insertTogether?(
    inserts: readonly TableInsert[],
    signal?: AbortSignal,
  ): Promise<readonly TableVersion[] | undefined>;
  /** Keep what `partitions` say about units that have no file of their own, so that `init` finds it. */
  recordUnits?(dataset: AcceleratedDataset, units: readonly UnitRecord[]): Promise<void>;
  /**
   * Bring committed versions into their final form (a checkpoint); called when they already serve. A commit is
   * durable without it. Default: nothing.
   */
  settle?(dataset: AcceleratedDataset, units: readonly PartitionValues[]): Promise<void>;
  /** Whether storage exists. Default: true. */
  isInitialized?(dataset: AcceleratedDataset): Promise<boolean>;
  /** The files or directories that hold the dataset. Default: the file if `filePath` works, else none. */
  layout?(dataset: AcceleratedDataset): Promise<StorageLayout>;
  /** The file of one partition. Default: throws {@link FileModeUnsupportedError}. */
  filePath?(dataset: AcceleratedDataset, values: PartitionValues): string;
  /** Make the files of one partition a consistent set that can be copied, without blocking readers. */
  checkpoint?(dataset: AcceleratedDataset, values: PartitionValues): Promise<readonly string[]>;
  /** Nobody reads any more: flush, release locks, and free what is only in memory. Safe to call twice. Default: nothing. */
  shutdown?(): Promise<void>;
}

/** What can be known of an engine without loading it. */
export interface AcceleratorDescription {
  readonly name: string;
  readonly capabilities: AcceleratorCapabilities;
  /** Extensions that a file of the engine may have, without the dot. Default: none. */
  readonly fileExtensions?: readonly string[];
}

/** Startup checks are made from this, never from the engine's name. */
export type AcceleratorCapabilities = EngineCapabilities;

/** What an engine is given when it is loaded. */
export interface AcceleratorContext {
  /** The executor's serving database: segments are relations of it. */
  readonly database: Database;
  /** The executor's data directory; file engines keep their files below it unless a parameter says otherwise. */
  readonly dataDir: string;
  /** Told of trouble that does not fail the call, e.g. a checkpoint that has to wait. */
  readonly warn?: (message: string, cause: unknown) => void;
}

/** One text value or null per partition expression, in order; empty for an unpartitioned dataset. */
export type PartitionValues = readonly (string | null)[];

export interface PartitionKey {
  /** The expression's name in paths, e.g. `expr0`. */
  readonly name: string;
  /** Canonical text of the expression. */
  readonly expression: string;
}

/** What an engine needs to know of one accelerated dataset. */
export interface AcceleratedDataset {
  /** The dataset's name, also the name of its directory. */
  readonly name: string;
  readonly mode: "memory" | "file";
  readonly partitionBy: readonly PartitionKey[];
  readonly columns: readonly SqlColumn[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly { readonly columns: readonly string[]; readonly unique: boolean }[];
  /** Engine parameters as written. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The relative directory of a unit; the path text of the partition values (`name=value/…`). */
  unitPath(values: PartitionValues): string;
}

export interface InitResult {
  readonly partitions: readonly UnitRecord[];
}

/** A partition that storage holds, in its last committed version. */
export interface UnitRecord {
  readonly values: PartitionValues;
  readonly version: TableVersion;
}

export interface CreateTableRequest {
  readonly dataset: AcceleratedDataset;
  readonly values: PartitionValues;
}

/** One immutable committed state of a partition. Data, watermark and version change together. */
export interface TableVersion {
  /** Grows by one with each commit; 0 is the empty table before the first. */
  readonly version: number;
  /** The newest time that was read from the source, as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC; null before any. */
  readonly watermark: string | null;
  /** What the source looked like (a fingerprint of its objects); null where the source has none. */
  readonly position: string | null;
  readonly columns: readonly SqlColumn[];
  readonly segments: readonly Segment[];
  readonly rows: number;
  /** Size of the data before compression, estimated from types and text lengths. */
  readonly bytes: number;
  /** Per column: smallest and largest value as text, and the number of NULLs, where cheap. */
  readonly statistics: Readonly<Record<string, ColumnStatistics>>;
}

export interface ColumnStatistics {
  readonly min: string | null;
  readonly max: string | null;
  readonly nulls: number;
}

/** What is known of a set of rows. */
export interface Measure {
  readonly rows: number;
  /** As in {@link TableVersion}. */
  readonly bytes: number;
  readonly statistics: Readonly<Record<string, ColumnStatistics>>;
}

/** An immutable piece of a table. */
export interface Segment extends Measure {
  /** Unique within the table, for ever. */
  readonly id: string;
  readonly columns: readonly SqlColumn[];
}

/** One partition's table. Calls that write must not overlap; reads may happen at any time. */
export interface AcceleratorTable {
  /** The last committed version. */
  readonly current: TableVersion;
  /**
   * The relations that make up `version`: SQL usable after FROM. Given `columns`, each has exactly these, in order:
   * a column that a segment lacks is NULL, a narrower type is widened. The caller applies every filter.
   */
  scan(version: TableVersion, columns?: readonly SqlColumn[]): readonly string[];
  /**
   * Write rows and commit a new version in one atomic step; after a crash storage has either the old or the new one.
   * Throws {@link SchemaMismatchError}, {@link DuplicateKeyError}, {@link StorageFullError} or `SqlError`, and then
   * the old version stays.
   */
  insert(rows: NativeRows, write: TableWrite, signal?: AbortSignal): Promise<TableVersion>;
  /** Delete the rows for which the SQL predicate holds, as a new version; the same version when none does. */
  delete(predicate: string, signal?: AbortSignal): Promise<TableVersion>;
  /** Drop the segments of `version` that `keep` does not use. Nobody reads them any more. */
  discard(version: TableVersion, keep: readonly TableVersion[]): Promise<void>;
  /** Remove the table and its files. */
  drop(): Promise<void>;
}

/** Rows as a SELECT that the serving database can run: they never pass through JavaScript. */
export interface NativeRows {
  readonly sql: string;
  readonly columns: readonly SqlColumn[];
  /** True when the caller has counted and there are no rows. */
  readonly empty?: boolean;
  /** What the caller knows of exactly these rows, so that they need not be measured again. */
  readonly measure?: Measure;
  /** Awaited when all rows were read, before they are committed; when it rejects, the write fails with that. */
  readonly confirm?: () => Promise<void>;
}

/** One table's part of {@link Accelerator.insertTogether}. */
export interface TableInsert {
  readonly table: AcceleratorTable;
  readonly rows: NativeRows;
  readonly write: TableWrite;
}

export interface TableWrite {
  readonly mode: InsertMode;
  /** The number of the new version, above the present one's; the next one when absent. */
  readonly version?: number;
  readonly watermark: string | null;
  /**
   * SQL aggregate over the rows that this write adds, giving a watermark or NULL; the later of both is committed.
   */
  readonly watermarkSql?: string;
  readonly position: string | null;
}

export type InsertMode =
  /** The rows replace all that was there. */
  | { readonly kind: "overwrite"; readonly duplicates: DuplicateRule }
  /**
   * The rows are added. With `reread`, an SQL predicate: rows that are already there among those for which it holds
   * are not added again (as a multiset, so true duplicates stay).
   */
  | { readonly kind: "append"; readonly reread?: string }
  /** As append, but one row per primary key: `newest` wins, or the row that was there first. */
  | { readonly kind: "upsert"; readonly duplicates: DuplicateRule };

/** What to do with several rows of one primary key; `order` is SQL that sorts the winner first. */
export type DuplicateRule =
  | { readonly kind: "error" }
  | { readonly kind: "upsert"; readonly order?: string }
  | { readonly kind: "drop"; readonly order?: string };

export type StorageLayout =
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "directories"; readonly data: readonly string[]; readonly metadata: readonly string[] };

/** The engine has no file per partition in this mode. */
export class FileModeUnsupportedError extends Error {
  override readonly name = "FileModeUnsupportedError";
}

/** The rows do not fit the table's columns and the difference is not one that a table can take up. */
export class SchemaMismatchError extends Error {
  override readonly name = "SchemaMismatchError";
}

/** Two rows have the same primary key (or unique index) and no `on_conflict` rule says which one to keep. */
export class DuplicateKeyError extends Error {
  override readonly name = "DuplicateKeyError";
}

/** The storage has no room for the new version; the old one keeps serving. */
export class StorageFullError extends Error {
  override readonly name = "StorageFullError";
}

/** The files belong to other partition expressions, another process or another format. */
export class StorageConflictError extends Error {
  override readonly name = "StorageConflictError";
  readonly code: "PartitionByChanged" | "PartitionByRequired" | "Locked" | "Format";
  constructor(code: StorageConflictError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A parameter that the engine does not have, or a value that it cannot honour. */
export class AcceleratorParameterError extends Error {
  override readonly name = "AcceleratorParameterError";
}
