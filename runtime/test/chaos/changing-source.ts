import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import { installPartitionMacros } from "../../src/adapters/duckdb/partition-macros.ts";
import type { Database } from "../../src/ports/database.ts";

/** Rows, sum of ids by partition: the same in every generation. */
export type PartitionTruth = ReadonlyMap<string, { readonly rows: number; readonly ids: number }>;

export interface ChangingTable {
  readonly name: string;
  readonly rows: number;
  /** SQL of the partition's value, over the table's columns. */
  readonly partition: string;
  readonly truth: PartitionTruth;
}

const ledgerRows = 3_000;
const itemsRows = 1_200;

/** What every row of one generation has in `v`: a row of mixed generations cannot pass for a whole one. */
export const payload = (id: number, generation: number): number => id * 31 + generation * 7;

/**
 * Two Parquet files that are replaced as a whole, again and again. `id` and the partition of a row never change; every
 * row carries its generation, and `v` follows from both. So each answer tells which generation it saw, and whether
 * rows are missing, doubled or mixed.
 */
export class ChangingSource {
  readonly dir: string;
  readonly tables: readonly ChangingTable[];
  readonly #database: Database;
  /** When each generation was there to be read, on the monotonic clock; index = generation − 1. */
  readonly #publishedAtMs: number[] = [];

  private constructor(dir: string, database: Database, tables: readonly ChangingTable[]) {
    this.dir = dir;
    this.#database = database;
    this.tables = tables;
  }

  static async open(dir: string): Promise<ChangingSource> {
    const database = await openDatabase({ threads: 1, memoryLimit: "128MB" });
    await installPartitionMacros(database);
    await database.run(`CREATE TABLE ledger AS SELECT i AS id FROM range(${ledgerRows}) t(i)`);
    await database.run(
      `CREATE TABLE items AS SELECT i AS id, CASE WHEN i % 11 = 10 THEN NULL ELSE 'p' || (i % 11) END AS part FROM range(${itemsRows}) t(i)`,
    );
    const table = async (name: string, rows: number, partition: string): Promise<ChangingTable> => {
      const found = await database.rows(
        `SELECT ${partition} AS p, count(*)::INTEGER AS n, sum(id)::INTEGER AS s FROM ${name} GROUP BY 1`,
      );
      const truth = new Map(
        found.map((r) => [String(r["p"]), { rows: Number(r["n"]), ids: Number(r["s"]) }]),
      );
      return { name, rows, partition, truth };
    };
    const source = new ChangingSource(dir, database, [
      await table("ledger", ledgerRows, "bucket(12, id)"),
      await table("items", itemsRows, "part"),
    ]);
    await source.publish();
    return source;
  }

  file(table: string): string {
    return join(this.dir, `${table}.parquet`);
  }

  /** The newest generation that any file has, or is about to have. */
  get newest(): number {
    return this.#publishedAtMs.length + 1;
  }

  /** The oldest generation that may be served at `atMs` when nothing may be older than `staleMs`. */
  oldest(atMs: number, staleMs: number): number {
    let generation = 1;
    this.#publishedAtMs.forEach((publishedMs, i) => {
      if (publishedMs <= atMs - staleMs) generation = i + 1;
    });
    return generation;
  }

  /** For how long `generation` has been replaced at `atMs`; 0 for the newest. */
  ageMs(generation: number, atMs: number): number {
    const next = this.#publishedAtMs[generation];
    return next === undefined ? 0 : Math.max(0, atMs - next);
  }

  /** Replace every file by the next generation, each at once. */
  async publish(): Promise<void> {
    const generation = this.#publishedAtMs.length + 1;
    for (const { name } of this.tables) {
      const next = join(this.dir, `${name}.${generation}.tmp`);
      await this.#database.run(
        `COPY (SELECT *, ${generation} AS gen, id * 31 + ${generation} * 7 AS v FROM ${name}) TO '${next}' (FORMAT parquet)`,
      );
      await rename(next, this.file(name));
    }
    this.#publishedAtMs.push(performance.now());
  }

  /** Publish every `everyMs` until the signal aborts. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.publish();
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
