import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../../../ports/database.ts";
import { type FragmentRequest, type FragmentResult, StalePlanError } from "../../../ports/exchange.ts";
import type { PartitionStore } from "../../../ports/partition-store.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { type FragmentRunnerOptions, LocalFragmentRunner } from "../fragment-runner.ts";

/** An executor for tests: a database, tables as relations, a runner, and counts of what is still held. */
export class TestExecutor {
  readonly database: Database;
  readonly runner: LocalFragmentRunner;
  readonly directory: string;
  readonly #tables: TestTables;

  private constructor(
    database: Database,
    runner: LocalFragmentRunner,
    directory: string,
    tables: TestTables,
  ) {
    this.database = database;
    this.runner = runner;
    this.directory = directory;
    this.#tables = tables;
  }

  static async start(
    options: { threads?: number; memoryLimit?: string } & Partial<FragmentRunnerOptions> = {},
  ): Promise<TestExecutor> {
    const directory = await mkdtemp(join(tmpdir(), "exchange-"));
    const database = await openDatabase({
      threads: options.threads ?? 1,
      memoryLimit: options.memoryLimit ?? "1GB",
      tempDirectory: join(directory, "spill"),
      settings: { allocator_background_threads: "true", allocator_flush_threshold: "16MB" },
    });
    const tables = new TestTables();
    const runner = await LocalFragmentRunner.open({
      database,
      partitions: tables,
      directory: join(directory, "frames"),
      clock: { monotonicMs: () => performance.now() },
      ...options,
    });
    return new TestExecutor(database, runner, directory, tables);
  }

  /** Pins that were not released. */
  get pins(): number {
    return this.#tables.pins;
  }

  /** Make a relation of a table, `partition` by `partition`. */
  async add(table: string, partition: string, select: string): Promise<void> {
    const relation = `"${table}/${partition}"`;
    await this.database.run(`CREATE TABLE ${relation} AS ${select}`);
    this.#tables.relations.set(`${table}/${partition}`, relation);
    this.#tables.columns.set(table, await this.database.describe(`SELECT * FROM ${relation}`));
  }

  /** Declare a table without partitions. */
  declare(table: string, columns: readonly { name: string; type: string }[]): void {
    this.#tables.columns.set(table, columns);
  }

  /** Files of frames that lie around. */
  async files(): Promise<string[]> {
    return await readdir(join(this.directory, "frames"), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.runner.close();
    await this.database.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

class TestTables implements PartitionStore {
  readonly relations = new Map<string, string>();
  readonly columns = new Map<string, readonly { name: string; type: string }[]>();
  pins = 0;

  pin(table: string, partitions: readonly { key: string; epoch: number; version: number }[]) {
    const relations = partitions.map(({ key, version }) => {
      const relation = this.relations.get(`${table}/${key}`);
      if (relation === undefined || version !== 1) throw new StalePlanError(`${table} ${key} is gone`);
      return relation;
    });
    this.pins++;
    let held = true;
    return {
      relations,
      columns: this.columns.get(table) ?? [],
      revoked: [],
      release: () => {
        if (held) this.pins--;
        held = false;
      },
    };
  }
}

/** An envelope over partitions (version 1) of one table under the name `t`. */
export function fragment(
  sql: string,
  columns: readonly [name: string, type: string][],
  partitions: readonly string[] = ["a"],
  more: Partial<FragmentRequest> = {},
): FragmentRequest {
  return {
    protocol: 1,
    queryId: "query",
    fragmentId: "fragment",
    sql,
    scans: [
      {
        name: "t",
        table: "t",
        revision: 1,
        partitions: partitions.map((key) => ({ key, epoch: 1, version: 1 })),
      },
    ],
    columns: columns.map(([name, type]) => ({ name, type })),
    deadlineMs: 60_000,
    trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ...more,
  };
}

/** Read a result to its end. */
export async function readAll(result: FragmentResult): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const frame of result.frames) frames.push(frame);
  return frames;
}
