import { extname, join } from "node:path";
import {
  type AcceleratedDataset,
  type AcceleratorDescription,
  AcceleratorParameterError,
  StorageConflictError,
} from "../../../ports/accelerator.ts";

export const duckdbDescription: AcceleratorDescription = {
  name: "duckdb",
  fileExtensions: ["db", "duckdb"],
  capabilities: {
    displayName: "DuckDB",
    modes: ["memory", "file"],
    defaultMode: "memory",
    partitionExpressions: "single",
    partitionModes: ["file"],
    snapshots: true,
    snapshotModes: ["file"],
    writes: false,
    indexes: true,
    upsert: true,
    incrementalRefresh: true,
    parameterPrefix: "duckdb",
    parameters: [
      {
        name: "duckdb_file",
        description: "The database file; not for `partition_mode: files`, which has one per partition.",
        type: "string",
        extensions: ["db", "duckdb"],
      },
      {
        name: "duckdb_threads",
        description: "Threads of the executor's engine, never above its cores.",
        type: "integer",
        default: "4",
      },
      { name: "duckdb_memory_limit", description: "Memory of the executor's engine.", type: "size" },
      {
        name: "partition_mode",
        description: "One file per partition, or one file with a table per partition.",
        type: { oneOf: ["files", "tables"] },
        default: "files",
      },
      {
        name: "accelerator_dir",
        description: "Directory of the partitions' files; the data directory when absent.",
        type: "string",
      },
    ],
  },
};

export type DuckDbLayout =
  | { readonly kind: "memory" }
  | { readonly kind: "files"; readonly directory: string }
  | { readonly kind: "tables"; readonly file: string; readonly directory: string };

/** Where a dataset is stored. Throws when its parameters contradict each other or the engine. */
export function duckdbLayout(dataset: AcceleratedDataset, dataDir: string): DuckDbLayout {
  const { parameters, partitionBy } = dataset;
  const file = parameters["duckdb_file"];
  if (file !== undefined && ![".db", ".duckdb"].includes(extname(file))) {
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': duckdb_file '${file}' must have the extension db or duckdb`,
    );
  }
  if (dataset.mode === "memory") {
    if (partitionBy.length > 0) {
      throw new AcceleratorParameterError(
        `Dataset '${dataset.name}': the duckdb engine takes partition_by only with mode: file`,
      );
    }
    return { kind: "memory" };
  }
  if (partitionBy.length > 1) {
    throw new StorageConflictError(
      "PartitionByRequired",
      "A single partition by expression is required for Partitioned DuckDB acceleration",
    );
  }
  const mode = parameters["partition_mode"] ?? "files";
  if (mode !== "files" && mode !== "tables") {
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': partition_mode: expected files or tables, found '${mode}'`,
    );
  }
  const directory = join(parameters["accelerator_dir"] ?? dataDir, dataset.name.replaceAll("/", "%2F"));
  if (partitionBy.length > 0 && mode === "files") {
    if (file !== undefined) {
      throw new AcceleratorParameterError(
        `Dataset '${dataset.name}': duckdb_file names one file, but partition_mode: files has one per partition. Use partition_mode: tables, or accelerator_dir instead of duckdb_file.`,
      );
    }
    return { kind: "files", directory };
  }
  const base = parameters["accelerator_dir"] ?? dataDir;
  return {
    kind: "tables",
    directory,
    file: file ?? join(base, `${dataset.name.replaceAll(/[./]/g, "_")}.duckdb`),
  };
}

/**
 * Check a dataset's parameters of the engine as a whole. They are put into force by the node that opened the engine,
 * which knows what all datasets ask for and what else lives in its memory. Throws when one cannot be read.
 */
export function checkEngineParameters(dataset: AcceleratedDataset): void {
  const threads = dataset.parameters["duckdb_threads"];
  if (threads !== undefined && !/^[1-9]\d*$/.test(threads)) {
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': duckdb_threads: expected a number, found '${threads}'`,
    );
  }
  const memory = dataset.parameters["duckdb_memory_limit"];
  if (memory !== undefined && !/^\d+(\.\d+)?\s*[KMGT]?i?B$/i.test(memory)) {
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': duckdb_memory_limit: expected a size such as 2GB, found '${memory}'`,
    );
  }
}
