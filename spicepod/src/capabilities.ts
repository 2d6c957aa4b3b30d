import type { ParameterSpec } from "./parameters/parameter.ts";

/** Where an acceleration lives: in memory, or in files of the executor's data directory. */
export type AccelerationMode = "memory" | "file";

/**
 * What an engine can do, filled in by the runtime's accelerators (spec chapter 05). Startup checks are made from
 * this and never from an engine's name.
 */
export interface EngineCapabilities {
  /** How sentences write the engine, e.g. `DuckDB`; the engine's name when absent. */
  readonly displayName?: string;
  readonly modes: readonly AccelerationMode[];
  /** The mode when the spicepod does not give one. */
  readonly defaultMode: AccelerationMode;
  /** How many `partition_by` expressions one acceleration may have. */
  readonly partitionExpressions: "none" | "single" | "several";
  /** The modes in which it takes `partition_by`; all of `modes` when absent. */
  readonly partitionModes?: readonly AccelerationMode[];
  /** False when it takes `partition_by` in a cluster only. */
  readonly partitionsOnSingleNode?: boolean;
  readonly snapshots: boolean;
  /** The modes in which it takes snapshots; all of `modes` when absent. */
  readonly snapshotModes?: readonly AccelerationMode[];
  /** Whether `access: read_write` and `write_mode: write_through` work with it. */
  readonly writes: boolean;
  readonly indexes: boolean;
  /** Whether it takes `on_conflict` with `upsert`. */
  readonly upsert: boolean;
  /** Whether `refresh_mode: append` and `changes` work with it. */
  readonly incrementalRefresh: boolean;
  /** Prefix of its parameters without the underscore, e.g. `duckdb` for `duckdb_file`. */
  readonly parameterPrefix: string;
  readonly parameters: readonly ParameterSpec[];
}

/** The engines that can be used, by the name that `acceleration.engine` gives. */
export type EngineTable = Readonly<Record<string, EngineCapabilities>>;
