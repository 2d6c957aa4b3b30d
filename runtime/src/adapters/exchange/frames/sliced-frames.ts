import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { quoteLiteral } from "../../../core/sql/quote.ts";
import { type Database, SqlError } from "../../../ports/database.ts";
import { readFrameFile } from "./frame-file.ts";
import type { Frame } from "./streamed-frames.ts";

export interface SlicedOptions {
  readonly database: Database;
  /** Where frames are written, and a prefix for names of this result's own. */
  readonly directory: string;
  readonly prefix: string;
  /** The statement in wire form over the rows of some relations. */
  readonly sql: (relations: readonly string[]) => string;
  /** Tables of rows that do not change. */
  readonly tables: readonly SlicedTable[];
  /** Options of COPY. */
  readonly format: string;
  /** Waits for a turn to compute; gives the function that ends the turn. */
  readonly turn: () => Promise<() => void>;
  readonly signal: AbortSignal;
}

export interface SlicedTable {
  readonly table: string;
  /** Row ids are below this. */
  readonly rows: number;
}

const rowGroup = 122_880;
const [fewBytes, manyBytes] = [1 << 20, 3 << 20];
/** Slices that are written at a time. */
const window = 2;

/** A name as tables have, with schema and catalogue if need be. */
const tableName = /^(?:"(?:[^"]|"")+"|[a-z_]\w*)(?:\.(?:"(?:[^"]|"")+"|[a-z_]\w*)){0,2}$/i;

/**
 * The tables among some relations with the number of their row ids, and the relations that cannot be read by row ids.
 * @throws SqlError when a relation cannot be read at all.
 */
export async function slicedTables(
  database: Database,
  relations: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly tables: readonly SlicedTable[]; readonly others: readonly string[] }> {
  const names = relations.filter((relation) => tableName.test(relation));
  const others = relations.filter((relation) => !tableName.test(relation));
  const tables: SlicedTable[] = [];
  for (let i = 0; i < names.length; i += countedAtOnce) {
    const some = names.slice(i, i + countedAtOnce);
    const counts = await rowIds(database, some, signal);
    if (counts !== undefined) {
      tables.push(...some.map((table, j) => ({ table, rows: counts[j] ?? 0 })));
      continue;
    }
    for (const table of some) {
      const [rows] = (await rowIds(database, [table], signal)) ?? [];
      if (rows === undefined) others.push(table);
      else tables.push({ table, rows });
    }
  }
  return { tables, others };
}

const countedAtOnce = 64;

/** The numbers of row ids of tables; undefined when one of them is none. */
async function rowIds(
  database: Database,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<readonly number[] | undefined> {
  const each = tables.map((table, i) => `SELECT ${i} AS i, max(rowid) + 1 AS n FROM ${table}`);
  try {
    const rows = await database.rows(`${each.join(" UNION ALL ")} ORDER BY i`, { signal });
    return rows.map(({ n }) => Number(n ?? 0));
  } catch (error) {
    if (error instanceof SqlError && error.category === "Binder") return undefined; // a view has no row ids
    throw error;
  }
}

/**
 * The result of a statement that maps rows one by one, as one COPY per range of row ids, or per several small tables:
 * twice as fast as a stream that is encoded again, and as bounded, for slices are written only as far ahead as the
 * reader lets them.
 */
export async function* slicedFrames(options: SlicedOptions): AsyncGenerator<Frame, void> {
  const { directory, prefix, signal } = options;
  const left = new AbortController();
  const stop = AbortSignal.any([signal, left.signal]);
  const running: Promise<Frame>[] = [];
  const ranges = new Ranges(options.tables);
  let [size, number] = [rowGroup >> 2, 0];
  try {
    while (!ranges.done || running.length > 0) {
      while (!ranges.done && running.length < window) {
        const file = join(directory, `${prefix}-${number++}.parquet`);
        const slice = writeSlice(options, file, ranges.take(size), stop);
        slice.catch(() => undefined); // thrown when its turn comes
        running.push(slice);
      }
      const frame = await (running.shift() as Promise<Frame>);
      if (frame.bytes.byteLength > manyBytes) size = Math.max(2_048, size >> 1);
      else if (frame.bytes.byteLength < fewBytes) size = Math.min(size * 2, 8 * rowGroup);
      if (frame.rows > 0) yield frame;
      signal.throwIfAborted();
    }
  } finally {
    left.abort();
    await Promise.allSettled(running);
  }
}

/** Cuts the rows of tables, one after another, into parts of a given number of rows. */
class Ranges {
  readonly #tables: readonly SlicedTable[];
  #table = 0;
  #row = 0;

  constructor(tables: readonly SlicedTable[]) {
    this.#tables = tables.filter(({ rows }) => rows > 0);
  }

  get done(): boolean {
    return this.#table >= this.#tables.length;
  }

  /** Relations that hold the next `size` rows. */
  take(size: number): string[] {
    const relations: string[] = [];
    for (let left = size; left > 0 && relations.length < countedAtOnce; ) {
      const current = this.#tables[this.#table];
      if (current === undefined) break;
      const { table, rows } = current;
      const [from, to] = [this.#row, Math.min(rows, this.#row + left)];
      const whole = from === 0 && to === rows;
      relations.push(whole ? table : `(SELECT * FROM ${table} WHERE rowid >= ${from} AND rowid < ${to})`);
      left -= to - from;
      this.#row = to;
      if (to < rows) break;
      this.#table++;
      this.#row = 0;
    }
    return relations;
  }
}

async function writeSlice(
  { database, sql, format, turn }: SlicedOptions,
  file: string,
  relations: readonly string[],
  signal: AbortSignal,
): Promise<Frame> {
  const end = await turn();
  try {
    const rows = await database.run(`COPY (${sql(relations)}) TO ${quoteLiteral(file)} (${format})`, {
      signal,
    });
    return { rows, bytes: await readFrameFile(file, statSync(file).size) };
  } finally {
    end();
    await rm(file, { force: true });
  }
}
