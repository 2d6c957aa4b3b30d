import { openDatabase } from "../adapters/duckdb/database.ts";
import { engineSettings } from "../adapters/duckdb/engine-settings.ts";
import { memorySize } from "../adapters/duckdb/memory-steps.ts";
import { thriftyDatabase } from "../adapters/duckdb/thrifty-database.ts";
import type { Database } from "../ports/database.ts";

/** What final statements have before they spill, where the spicepod says nothing: measured, more does not make them faster. */
const usualBytes = 2 ** 27;
/** What those get that cannot do with less. */
const mostBytes = 2 ** 32;

/**
 * Open the engine of a scheduler's final statements. With a limit of the spicepod (bytes) it uses memory up to that before
 * it spills; without one it stays small, and takes up to 4 GiB only for statements that need it.
 */
export async function openQueryEngine(options: {
  readonly threads: number;
  readonly memoryLimit: number | undefined;
  readonly tempDirectory: string;
}): Promise<Database> {
  const { threads, memoryLimit, tempDirectory } = options;
  const database = await openDatabase({
    threads,
    memoryLimit: memorySize(memoryLimit ?? usualBytes),
    tempDirectory,
    settings: {
      // Memory of finished queries goes back to the system, so that a burst does not set the size for good.
      allocator_flush_threshold: "16MB",
      // Frames are read once.
      enable_external_file_cache: "false",
      ...engineSettings,
    },
  });
  return memoryLimit === undefined ? thriftyDatabase(database, { usualBytes, mostBytes }) : database;
}
