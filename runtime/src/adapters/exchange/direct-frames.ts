import { readdirSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import { readFrameFile } from "./frame-file.ts";

export interface DirectOptions {
  readonly database: Database;
  /** A directory of its own for this attempt; it is gone afterwards. */
  readonly directory: string;
  /** The statement in wire form. */
  readonly sql: string;
  /** Options of COPY. */
  readonly format: string;
  /** Give up when the result grows beyond this. */
  readonly limitBytes: number;
  /** True when rows may come in any order, so that the engine may cut the result into files as it likes. */
  readonly unordered: boolean;
  readonly signal: AbortSignal;
}

export interface DirectResult {
  readonly rows: number;
  readonly bytes: number;
  /** One frame at a time; files are deleted by `dispose`. */
  read(): AsyncGenerator<Uint8Array, void>;
  dispose(): Promise<void>;
}

const pollMs = 20;

/**
 * Write a whole result with one COPY: the cheapest way for one that is small or comes out of an aggregation all at
 * once. Gives `undefined`, with nothing left behind, when the result outgrows the limit.
 */
export async function directFrames(options: DirectOptions): Promise<DirectResult | undefined> {
  const { database, directory, sql, format, limitBytes, unordered, signal } = options;
  const overflow = new AbortController();
  const dispose = () => rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // COPY makes the folder of several files itself.
  const target = join(directory, unordered ? "frames" : "0.parquet");
  const folder = unordered ? target : directory;
  const files = unordered ? ", FILE_SIZE_BYTES '8MB', FILENAME_PATTERN '{i}'" : "";
  const watch = setInterval(() => {
    if (sizeOf(folder) > limitBytes) overflow.abort();
  }, pollMs);
  try {
    const rows = await database.run(`COPY (${sql}) TO ${quoteLiteral(target)} (${format}${files})`, {
      signal: AbortSignal.any([signal, overflow.signal]),
    });
    const bytes = sizeOf(folder);
    return { rows, bytes, read: () => readAll(folder, rows), dispose };
  } catch (error) {
    await dispose();
    signal.throwIfAborted();
    if (overflow.signal.aborted) return undefined;
    throw error;
  } finally {
    clearInterval(watch);
  }
}

async function* readAll(folder: string, rows: number): AsyncGenerator<Uint8Array, void> {
  if (rows === 0) return;
  const names = readdirSync(folder).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  for (const name of names) {
    const file = join(folder, name);
    const frame = await readFrameFile(file, statSync(file).size);
    await rm(file);
    yield frame;
  }
}

function sizeOf(folder: string): number {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return 0; // COPY has not made it yet
  }
  return names.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
