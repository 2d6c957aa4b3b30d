import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseSize } from "@spice-shards/spicepod";
import { openDatabase } from "../adapters/duckdb/database.ts";
import { engineSettings } from "../adapters/duckdb/engine-settings.ts";
import { memoryUse } from "../adapters/duckdb/memory-use.ts";
import { installPartitionMacros } from "../adapters/duckdb/partition-macros.ts";
import { openScratchDir } from "../adapters/system/scratch-dir.ts";
import type { App } from "../core/app/app.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Database } from "../ports/database.ts";

/** The serving engine of an executor, with a directory for what it spills and sends. */
export interface ExecutorEngine {
  readonly database: Database;
  readonly scratch: string;
  /** Put the limits of a newer spicepod into force. */
  follow(app: App): Promise<void>;
  close(): Promise<void>;
}

/**
 * Open the engine with the threads and the memory that the spicepod gives it. `onFatal` is told when the engine is beyond
 * use, as after a disk that did not take what it had accepted: a new process goes on with what the files hold.
 */
export async function openExecutorEngine(
  app: App,
  dataDir: string,
  metrics: Metrics,
  onFatal: (error: unknown) => void,
): Promise<ExecutorEngine> {
  const scratch = await openScratchDir(
    app.spicepod.runtime.query.tempDirectory ?? join(dataDir, "tmp"),
    "executor",
  );
  const database = await openDatabase({
    threads: engineThreads(app),
    memoryLimit: engineMemory(app),
    tempDirectory: join(scratch, "spill"),
    onInvalid: (cause) =>
      onFatal(
        new Error(`The engine cannot go on and the process has to start anew: ${cause.message}`, { cause }),
      ),
    // Memory of finished fragments goes back to the system, so that a burst does not set the size for good.
    settings: {
      ...engineSettings,
      allocator_flush_threshold: "16MB",
      preserve_insertion_order: "false",
    },
  });
  await installPartitionMacros(database);
  metrics.atScrape("query_memory_pool_used_bytes", async () => (await memoryUse(database)).used);
  metrics.atScrape("executor_memory_available_bytes", async () => (await memoryUse(database)).free);
  return {
    database,
    scratch,
    async follow(next: App): Promise<void> {
      await database.run(`SET GLOBAL threads = ${engineThreads(next)}`);
      await database.run(`SET GLOBAL memory_limit = '${engineMemory(next)}'`);
    },
    async close(): Promise<void> {
      await database.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** The most that a dataset asks for (4 where none does), never above the cores. */
function engineThreads(app: App): number {
  const asked = app.tables.map((t) => Number(t.dataset.acceleration.params["duckdb_threads"] ?? 4));
  return Math.max(1, Math.min(availableParallelism(), Math.max(1, ...asked)));
}

/** What the engine does not count of the memory that it causes: the allocator's slack, buffers of sources and files. */
const uncountedBytes = 128 * 2 ** 20;

/**
 * The largest `duckdb_memory_limit`, else `runtime.query.memory_limit`, else 4 GiB; less what the engine does not
 * count, but half of it at least.
 */
function engineMemory(app: App): string {
  const asked = app.tables.flatMap((t) => {
    const limit = t.dataset.acceleration.params["duckdb_memory_limit"];
    const bytes = limit === undefined ? undefined : parseSize(limit);
    return bytes === undefined ? [] : [bytes];
  });
  const bytes = asked.length > 0 ? Math.max(...asked) : (app.spicepod.runtime.query.memoryLimit ?? 2 ** 32);
  return `${Math.round(Math.max(bytes / 2, bytes - uncountedBytes) / 2 ** 20)}MiB`;
}
