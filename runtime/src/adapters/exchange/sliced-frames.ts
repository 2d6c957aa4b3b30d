import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { quoteLiteral } from "../../core/sql/quote.ts";
import { type Database, SqlError } from "../../ports/database.ts";
import { readFrameFile } from "./frame-file.ts";
import type { Frame } from "./streamed-frames.ts";

export interface SlicedOptions {
  readonly database: Database;
  /** Where frames are written, and a prefix for names of this result's own. */
  readonly directory: string;
  readonly prefix: string;
  /** The statement in wire form over one relation. */
  readonly sql: (relation: string) => string;
  /** A table of rows that do not change. */
  readonly table: string;
  /** Options of COPY. */
  readonly format: string;
  /** Waits for a turn to compute; gives the function that ends the turn. */
  readonly turn: () => Promise<() => void>;
  readonly signal: AbortSignal;
}

const rowGroup = 122_880;
const [fewBytes, manyBytes] = [1 << 20, 3 << 20];
/** Slices that are written at a time. */
const window = 2;

/** A name as tables have, with schema and catalogue if need be. */
const tableName = /^(?:"(?:[^"]|"")+"|[a-z_]\w*)(?:\.(?:"(?:[^"]|"")+"|[a-z_]\w*)){0,2}$/i;

/**
 * The number of row ids of a relation, when it is a table that can be read by them.
 * @throws SqlError when the relation cannot be read at all.
 */
export async function rowIds(
  database: Database,
  relation: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!tableName.test(relation)) return undefined;
  try {
    const [row] = await database.rows(`SELECT max(rowid) + 1 AS n FROM ${relation}`, { signal });
    return Number(row?.["n"] ?? 0);
  } catch (error) {
    if (error instanceof SqlError && error.category === "Binder") return undefined; // a view has no row ids
    throw error;
  }
}

/**
 * The result of a statement that maps rows one by one, as one COPY per range of row ids: twice as fast as a stream
 * that is encoded again, and as bounded, for slices are written only as far ahead as the reader lets them.
 */
export async function* slicedFrames(options: SlicedOptions, rows: number): AsyncGenerator<Frame, void> {
  const { directory, prefix, signal } = options;
  const left = new AbortController();
  const stop = AbortSignal.any([signal, left.signal]);
  const running: Promise<Frame>[] = [];
  let [next, size, number] = [0, rowGroup >> 2, 0];
  try {
    while (next < rows || running.length > 0) {
      while (next < rows && running.length < window) {
        const file = join(directory, `${prefix}-${number++}.parquet`);
        const slice = writeSlice(options, file, next, next + size, stop);
        slice.catch(() => undefined); // thrown when its turn comes
        running.push(slice);
        next += size;
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

async function writeSlice(
  { database, sql, table, format, turn }: SlicedOptions,
  file: string,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<Frame> {
  const end = await turn();
  try {
    const relation = `(SELECT * FROM ${table} WHERE rowid >= ${from} AND rowid < ${to})`;
    const rows = await database.run(`COPY (${sql(relation)}) TO ${quoteLiteral(file)} (${format})`, {
      signal,
    });
    return { rows, bytes: await readFrameFile(file, statSync(file).size) };
  } finally {
    end();
    await rm(file, { force: true });
  }
}
