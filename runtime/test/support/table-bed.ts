import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import { engineSettings } from "../../src/adapters/duckdb/engine-settings.ts";
import { builtInAccelerators } from "../../src/adapters/engine/registry.ts";
import { openSource } from "../../src/adapters/source/registry.ts";
import type { AcceleratedTable } from "../../src/executor/storage/accelerated-table.ts";
import type { DatasetConfig } from "../../src/executor/storage/dataset-config.ts";
import { openDataset } from "../../src/executor/storage/open-dataset.ts";
import type { Database, Json } from "../../src/ports/database.ts";
import { TestClock } from "./test-clock.ts";

/** A serving database over a temporary directory, in which tests open datasets. */
export interface TableBed {
  readonly database: Database;
  readonly directory: string;
  readonly clock: TestClock;
  readonly signal: AbortSignal;
  /** Open a dataset; `from` defaults to the Parquet files of the directory `source`. */
  open(
    config?: Partial<DatasetConfig>,
    from?: string,
    params?: Record<string, string>,
  ): Promise<AcceleratedTable>;
  /** Rows of SQL in which `{t}` stands for the table's loaded partitions in their current versions. */
  query(table: AcceleratedTable, sql: string): Promise<Record<string, Json>[]>;
  /** Write `sql` as Parquet file `source/{name}.parquet`. */
  parquet(name: string, sql: string, rowGroup?: number): Promise<void>;
  /** Close everything and open a new database over the same directory. */
  reopen(): Promise<TableBed>;
  close(): Promise<void>;
}

export async function openBed(
  options: {
    directory?: string;
    extensions?: readonly string[];
    memoryLimit?: string;
    threads?: number;
  } = {},
): Promise<TableBed> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "bed-")));
  const database = await openDatabase({
    threads: options.threads ?? 2,
    memoryLimit: options.memoryLimit ?? "512MB",
    tempDirectory: join(directory, "tmp"),
    extensions: options.extensions ?? [],
    settings: { ...engineSettings, preserve_insertion_order: "false" },
  });
  const clock = new TestClock();
  const controller = new AbortController();
  const tables: AcceleratedTable[] = [];
  const end = async () => {
    controller.abort(new Error("the test bed is closing"));
    for (const table of tables.splice(0)) await table.close();
    await database.close();
  };
  return {
    database,
    directory,
    clock,
    signal: controller.signal,
    async open(config = {}, from = `file:${directory}/source`, params = {}) {
      const table = await openDataset(
        testConfig(config),
        {
          database,
          registry: builtInAccelerators(),
          source: await openSource(database, from, params),
          clock,
          dataDir: join(directory, "data"),
        },
        controller.signal,
      );
      tables.push(table);
      return table;
    },
    async query(table, sql) {
      const relations: string[] = [];
      const releases: (() => void)[] = [];
      for (const { key, epoch, version, loaded } of table.partitions()) {
        if (!loaded) continue;
        const pinned = table.pin(key, epoch, version)!;
        relations.push(...pinned.relations);
        releases.push(pinned.release);
      }
      const none = `SELECT ${table.columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name}"`).join(", ")} LIMIT 0`;
      const all =
        relations.length === 0 ? none : relations.map((r) => `SELECT * FROM ${r}`).join(" UNION ALL ");
      try {
        return await database.rows(sql.replaceAll("{t}", `(${all})`));
      } finally {
        for (const release of releases) release();
      }
    },
    async parquet(name, sql, rowGroup = 122_880) {
      const { mkdir } = await import("node:fs/promises");
      await mkdir(join(directory, "source"), { recursive: true });
      await database.run(
        `COPY (${sql}) TO '${directory}/source/${name}.parquet' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroup})`,
      );
    },
    async reopen() {
      await end();
      return openBed({ ...options, directory });
    },
    async close() {
      await end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A dataset `events`, partitioned by its column `part` unless told otherwise. */
export function testConfig(change: Partial<DatasetConfig> = {}): DatasetConfig {
  return {
    name: "events",
    fullName: "spice.public.events",
    engine: "arrow",
    mode: "memory",
    parameters: {},
    partitionBy: [{ name: "part", expression: "part", sql: '"part"', plain: true }],
    unitPath: (values) =>
      values
        .map((v) => `part=${v === null ? "__HIVE_DEFAULT_PARTITION__" : encodeURIComponent(v)}`)
        .join("/"),
    primaryKey: [],
    indexes: [],
    refreshMode: "full",
    refreshOnStartup: "auto",
    ...change,
  };
}

/** Assignments with epoch 1 of partitions with one key. */
export function assigned(...values: readonly (string | null)[]) {
  return values.map((value) => ({ values: [value], epoch: 1, role: "owner" as const }));
}
