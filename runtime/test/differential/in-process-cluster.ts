import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import { engineSettings } from "../../src/adapters/duckdb/engine-settings.ts";
import { type MemoryStepOptions, memorySize } from "../../src/adapters/duckdb/memory-steps.ts";
import { installPartitionMacros } from "../../src/adapters/duckdb/partition-macros.ts";
import { thriftyDatabase } from "../../src/adapters/duckdb/thrifty-database.ts";
import { fileSpool } from "../../src/adapters/spool/file-spool.ts";
import { bindPartitionExpression } from "../../src/core/partition/expression/bind.ts";
import { canonicalTextSql, duckdbSql } from "../../src/core/partition/sql/duckdb-sql.ts";
import type { Catalog, CatalogTable } from "../../src/core/query/catalog.ts";
import type { DistributedPlan } from "../../src/core/query/plan/distributed-plan.ts";
import type { Prune } from "../../src/core/query/plan/prune.ts";
import { pruneByPartition } from "../../src/core/query/plan/prune-by-partition.ts";
import type { ParsedStatement } from "../../src/core/query/tree/read-tree.ts";
import { encodeSelect } from "../../src/core/query/wire-type.ts";
import { quoteIdentifier, quoteLiteral } from "../../src/core/sql/quote.ts";
import type { Database, Json } from "../../src/ports/database.ts";
import type { Exchange, FragmentRequest, FragmentResult } from "../../src/ports/exchange.ts";
import { Admission } from "../../src/scheduler/query/admission.ts";
import { type PlannerOptions, type PlanRequest, QueryPlanner } from "../../src/scheduler/query/planner.ts";
import { DistributedQueryService } from "../../src/scheduler/query/query-service.ts";
import { answerOf, readAnswer } from "../corpus/answer.ts";
import type { Answer } from "../corpus/query.ts";
import type { TestCluster, TestTable } from "./test-cluster.ts";

export interface InProcessOptions {
  readonly tables: readonly TestTable[];
  readonly executors: number;
  readonly views?: Readonly<Record<string, string>>;
  /** Statements that prepare the database the rows come from, e.g. `LOAD '…'`. */
  readonly setup?: readonly string[];
  readonly prune?: Prune;
  readonly gatherOnly?: boolean;
  readonly reduceFromRows?: number;
  /** The catalog that the next attempt to plan sees, made from the true one. */
  readonly catalog?: (catalog: Catalog) => Catalog;
  readonly timeoutMs?: number;
  /** Memory of final statements before they spill, and the most. */
  readonly memory?: MemoryStepOptions;
  readonly admission?: { readonly running: number; readonly waiting: number };
  /** Wraps the exchange, to plant faults. */
  readonly exchange?: (inner: Exchange) => Exchange;
  /** Changes every plan before it runs, to plant faults. */
  readonly plan?: (plan: DistributedPlan) => DistributedPlan;
  /** Keep an older version of each partition beside the one in force: see {@link olderVersion}. */
  readonly olderVersions?: boolean;
  /** Send the rows of fragments without grouping, as an executor does whose sample says so. */
  readonly ungrouped?: boolean;
}

/** So little that some final statements spill, and some need more. */
const finalMemory: MemoryStepOptions = { usualBytes: 24 * 2 ** 20, mostBytes: 2 ** 31 };

/** A cluster in this process: executors are schemas of one DuckDB, fragments travel as Parquet files. */
export class InProcessCluster implements TestCluster {
  readonly service: DistributedQueryService;
  readonly planner: QueryPlanner;
  readonly catalog: Catalog;
  /** One database that holds all rows, as tables under their names: the truth. */
  readonly store: Database;
  readonly #databases: readonly Database[];
  readonly #directory: string;

  get spoolDirectory(): string {
    return join(this.#directory, "spool");
  }

  private constructor(
    service: DistributedQueryService,
    planner: QueryPlanner,
    catalog: Catalog,
    databases: readonly Database[],
    directory: string,
  ) {
    this.service = service;
    this.planner = planner;
    this.catalog = catalog;
    this.#databases = databases;
    this.store = databases[0] as Database;
    this.#directory = directory;
  }

  static async start(options: InProcessOptions): Promise<InProcessCluster> {
    const directory = await mkdtemp(join(tmpdir(), "cluster-"));
    const open = (memoryLimit = "2GB") =>
      openDatabase({ threads: 2, memoryLimit, tempDirectory: directory, settings: engineSettings });
    const [store, planning] = [await open(), await open()];
    const memory = options.memory ?? finalMemory;
    const final = thriftyDatabase(await open(memorySize(memory.usualBytes)), memory);
    for (const database of [store, planning, final]) await installPartitionMacros(database);
    for (const sql of options.setup ?? []) await store.run(sql);
    const catalog = await load(store, options);
    const inner = new LocalExchange(store, directory, options.ungrouped ?? false);
    const planner = new ChangingPlanner(
      {
        database: planning,
        prune: options.prune ?? pruneByPartition,
        reduceFromRows: options.reduceFromRows ?? 100,
        ...(options.gatherOnly === undefined ? {} : { gatherOnly: options.gatherOnly }),
      },
      options.plan ?? ((plan) => plan),
    );
    const service = new DistributedQueryService({
      catalog: () => options.catalog?.(catalog) ?? catalog,
      planner,
      database: final,
      exchange: options.exchange?.(inner) ?? inner,
      spools: fileSpool({ directory: join(directory, "spool"), maxBytes: 2 ** 32 }),
      admission: new Admission(options.admission ?? { running: 8, waiting: 100 }),
      clock: systemClock,
      random: { next: () => Math.random(), uuid: () => crypto.randomUUID() },
      defaultTimeoutMs: options.timeoutMs ?? 60_000,
      reassignWaitMs: 500,
    });
    return new InProcessCluster(service, planner, catalog, [store, planning, final], directory);
  }

  async query(sql: string, parameters: readonly Json[] = []) {
    const result = await this.service.query({ sql, parameters, signal: new AbortController().signal });
    const answer = await readAnswer(result);
    return { ...answer, stats: result.stats };
  }

  truth(sql: string): Promise<Answer> {
    return answerOf(this.store, sql);
  }

  async close(): Promise<void> {
    for (const database of this.#databases) await database.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A planner whose plans a test may change. */
class ChangingPlanner extends QueryPlanner {
  readonly #change: (plan: DistributedPlan) => DistributedPlan;

  constructor(options: PlannerOptions, change: (plan: DistributedPlan) => DistributedPlan) {
    super(options);
    this.#change = change;
  }

  override async plan(parsed: ParsedStatement, request: PlanRequest): Promise<DistributedPlan> {
    return this.#change(await super.plan(parsed, request));
  }
}

/** The version of a partition before the given one: it lacks a tenth of the rows, one at least. */
export const olderVersion = (version: number): number => -1 - version;

export const systemClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};

/** Make the tables, divide them, and deal the partitions to executors in turn. */
async function load(store: Database, options: InProcessOptions): Promise<Catalog> {
  const executors = Array.from({ length: options.executors }, (_, i) => `e${i}`);
  for (const executor of executors) await store.run(`CREATE SCHEMA ${executor}`);
  const tables = new Map<string, CatalogTable>();
  for (const { name, select, partitionBy } of options.tables) {
    await store.run(`CREATE TABLE ${quoteIdentifier(name)} AS ${select}`);
    const columns = await store.describe(`SELECT * FROM ${quoteIdentifier(name)}`);
    const texts = keyTexts(partitionBy, columns);
    const keys = texts.map((text, i) => `${text} AS k${i}`).join(", ");
    const found =
      partitionBy.length === 0
        ? [{}]
        : await store.rows(`SELECT DISTINCT ${keys} FROM ${quoteIdentifier(name)} ORDER BY ALL`);
    const partitions = [];
    for (const [index, row] of found.entries()) {
      const values = partitionBy.map((_, i) => (row as Record<string, string | null>)[`k${i}`] ?? null);
      const executor = executors[index % executors.length] ?? "e0";
      const where = texts.map(
        (text, i) =>
          `${text} IS NOT DISTINCT FROM ${values[i] === null ? "NULL" : quoteLiteral(values[i] as string)}`,
      );
      await store.run(
        `CREATE TABLE ${executor}.${quoteIdentifier(`${name}_${index}`)} AS SELECT * FROM ${quoteIdentifier(name)}${where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`}`,
      );
      const [counted] = await store.rows(
        `SELECT count(*)::INTEGER AS n FROM ${executor}.${quoteIdentifier(`${name}_${index}`)}`,
      );
      if (options.olderVersions === true) {
        const rows = Math.floor(Math.max(0, Number(counted?.["n"]) - 1) * 0.9);
        await store.run(
          `CREATE TABLE ${executor}.${quoteIdentifier(`${name}_${olderVersion(index)}`)} AS FROM ${executor}.${quoteIdentifier(`${name}_${index}`)} LIMIT ${rows}`,
        );
      }
      partitions.push({
        rows: Number(counted?.["n"]),
        key: JSON.stringify(values),
        values,
        holders: [{ executor, epoch: 1, version: index }],
      });
    }
    tables.set(name.toLowerCase(), {
      name,
      fullName: `spice.public.${name}`,
      revision: 1,
      columns: columns.map((column) => ({ ...column, nullable: true })),
      partitionBy,
      partitions,
    });
  }
  for (const [name, sql] of Object.entries(options.views ?? {}))
    await store.run(`CREATE VIEW ${name} AS ${sql}`);
  return { tables, views: new Map(Object.entries(options.views ?? {})) };
}

/** SQL for the canonical text of each partition value; for an expression that is none of ours, its plain text. */
function keyTexts(
  partitionBy: readonly string[],
  columns: readonly { readonly name: string; readonly type: string }[],
): readonly string[] {
  return partitionBy.map((sql, i) => {
    try {
      const bound = bindPartitionExpression(
        `expr${i}`,
        sql,
        columns.map((column) => ({ ...column, nullable: true })),
      );
      return canonicalTextSql(bound, duckdbSql(bound));
    } catch {
      return `CAST(${sql} AS VARCHAR)`;
    }
  });
}

/** Runs fragments in the store; a partition's version is its number there. */
class LocalExchange implements Exchange {
  readonly #store: Database;
  readonly #directory: string;
  readonly #ungrouped: boolean;
  #next = 0;

  constructor(store: Database, directory: string, ungrouped: boolean) {
    this.#store = store;
    this.#directory = directory;
    this.#ungrouped = ungrouped;
  }

  run(executor: string, request: FragmentRequest, signal: AbortSignal): FragmentResult {
    const { promise: stats, resolve, reject } = Promise.withResolvers<Awaited<FragmentResult["stats"]>>();
    stats.catch(() => undefined);
    const run = async () => {
      const began = performance.now();
      const { frame, rows } = await this.#frame(executor, request, signal);
      const durationMs = performance.now() - began;
      resolve({ rows, bytes: frame.byteLength, durationMs, ungrouped: this.#ungrouped });
      return frame;
    };
    async function* frames() {
      try {
        yield await run();
      } catch (error) {
        reject(error);
        throw error;
      }
    }
    return { frames: frames(), stats };
  }

  async #frame(executor: string, request: FragmentRequest, signal: AbortSignal) {
    const file = join(this.#directory, `frame-${this.#next++}.parquet`);
    try {
      const rows = await this.#store.withConnection(async (connection) => {
        for (const { name, table, partitions } of request.scans) {
          const base = table.split(".").at(-1) ?? "";
          const parts = partitions.map(
            ({ version }) => `SELECT * FROM ${executor}.${quoteIdentifier(`${base}_${version}`)}`,
          );
          const union =
            parts.length === 0
              ? `SELECT * FROM ${quoteIdentifier(base)} WHERE false`
              : parts.join(" UNION ALL ");
          await connection.run(`CREATE OR REPLACE TEMP VIEW ${quoteIdentifier(name)} AS ${union}`, {
            signal,
          });
        }
        const sql = this.#ungrouped && request.ungrouped !== undefined ? request.ungrouped.sql : request.sql;
        return connection.run(`COPY (${encodeSelect(sql, request.columns)}) TO '${file}' (FORMAT parquet)`, {
          signal,
        });
      });
      return { frame: new Uint8Array(await readFile(file)), rows };
    } finally {
      await rm(file, { force: true });
    }
  }
}
