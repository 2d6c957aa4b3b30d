/**
 * What an acceleration engine of your own is written against: the interface, its error classes, the registration, and
 * the few rules that engines share, so that all of them store, widen and measure alike. docs/custom-accelerators.md
 * explains it; `@spice-shards/runtime/accelerator/conformance` tests an engine.
 */

export type { EngineCapabilities, ParameterSpec } from "@spice-shards/spicepod";
export { checkPartitionBy } from "../adapters/engine/check-partition-by.ts";
export { isStorageFull } from "../adapters/engine/is-storage-full.ts";
export type {
  AcceleratorRegistration,
  AcceleratorRegistry,
  RegisterAccelerators,
} from "../adapters/engine/registry.ts";
export { conform, measureSegment, mergeStatistics, sameColumns } from "../adapters/engine/segment-sql.ts";
export { emptyVersion } from "../adapters/engine/segmented-table.ts";
export { evolveColumns } from "../core/refresh/evolve-columns.ts";
export { quoteIdentifier, quoteLiteral } from "../core/sql/quote.ts";
export {
  type AcceleratedDataset,
  type Accelerator,
  type AcceleratorCapabilities,
  type AcceleratorContext,
  type AcceleratorDescription,
  AcceleratorParameterError,
  type AcceleratorTable,
  type ColumnStatistics,
  type CreateTableRequest,
  DuplicateKeyError,
  type DuplicateRule,
  FileModeUnsupportedError,
  type InitResult,
  type InsertMode,
  type Measure,
  type NativeRows,
  type PartitionKey,
  type PartitionValues,
  SchemaMismatchError,
  type Segment,
  StorageConflictError,
  StorageFullError,
  type StorageLayout,
  type TableInsert,
  type TableVersion,
  type TableWrite,
  type UnitRecord,
} from "../ports/accelerator.ts";
export { type Connection, type Database, type Json, type SqlColumn, SqlError } from "../ports/database.ts";
