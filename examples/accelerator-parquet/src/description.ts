import type { AcceleratorDescription } from "@spice-shards/runtime/accelerator";

/** What the engine can do. Spicepods are checked against this at start, before the engine is loaded. */
export const parquetDescription: AcceleratorDescription = {
  name: "parquet",
  fileExtensions: ["parquet"],
  capabilities: {
    displayName: "Parquet",
    modes: ["file"],
    defaultMode: "file",
    partitionExpressions: "several",
    snapshots: false,
    writes: false,
    indexes: false,
    // A file cannot be changed: each upsert would rewrite all that hold one of its keys.
    upsert: false,
    incrementalRefresh: true,
    parameterPrefix: "parquet",
    parameters: [
      {
        name: "parquet_compression",
        description: "How column chunks are compressed.",
        type: { oneOf: ["zstd", "snappy", "lz4", "uncompressed"] },
        default: "zstd",
      },
      {
        name: "parquet_row_group_rows",
        description: "Rows of a row group: what a scan reads or skips as a whole.",
        type: "integer",
        default: "122880",
      },
    ],
  },
};
