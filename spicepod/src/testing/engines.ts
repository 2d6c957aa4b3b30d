import type { EngineCapabilities } from "../capabilities.ts";

const nothing: EngineCapabilities = {
  modes: ["memory"],
  defaultMode: "memory",
  partitionExpressions: "several",
  snapshots: false,
  writes: false,
  indexes: false,
  upsert: false,
  incrementalRefresh: true,
  parameterPrefix: "none",
  parameters: [],
};

/** The engines of chapter 05 as tests of the checks see them. */
export const testEngines = {
  arrow: {
    ...nothing,
    displayName: "Arrow",
    parameterPrefix: "arrow",
    parameters: [
      { name: "hash_index", type: { oneOf: ["disabled", "enabled"] }, description: "An index over the key." },
      { name: "sort_columns", type: "string", description: "The order of rows." },
    ],
  },
  duckdb: {
    ...nothing,
    displayName: "DuckDB",
    modes: ["memory", "file"],
    partitionExpressions: "single",
    partitionModes: ["file"],
    snapshots: true,
    snapshotModes: ["file"],
    indexes: true,
    upsert: true,
    parameterPrefix: "duckdb",
    parameters: [
      { name: "duckdb_file", type: "string", description: "The file.", extensions: ["db", "duckdb"] },
      { name: "duckdb_threads", type: "integer", description: "Threads.", default: "4" },
      { name: "duckdb_memory_limit", type: "size", description: "Memory." },
      { name: "partition_mode", type: { oneOf: ["files", "tables"] }, description: "Files or tables." },
    ],
  },
  sqlite: {
    ...nothing,
    displayName: "SQLite",
    modes: ["memory", "file"],
    partitionsOnSingleNode: false,
    snapshots: true,
    snapshotModes: ["file"],
    indexes: true,
    upsert: true,
    parameterPrefix: "sqlite",
  },
  cayenne: {
    ...nothing,
    displayName: "Cayenne",
    modes: ["file"],
    defaultMode: "file",
    snapshots: true,
    writes: true,
    upsert: true,
    parameterPrefix: "cayenne",
    parameters: [
      { name: "cayenne_file_path", type: "string", description: "Where the files are." },
      { name: "cayenne_compaction_interval", type: "duration", description: "How often files are merged." },
    ],
  },
  plain: { ...nothing, partitionExpressions: "none", incrementalRefresh: false, parameterPrefix: "plain" },
} as const satisfies Readonly<Record<string, EngineCapabilities>>;
