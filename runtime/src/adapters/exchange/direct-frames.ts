import { readdirSync, rmSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import { readFrameFile } from "./frame-file.ts";

export interface DirectOptions {
  readonly database: Database;
  /** Where COPY may write, a file or a directory that does not exist yet; it is gone afterwards. */
  readonly path: string;
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
  /** Bytes that lie in files until `dispose`. */
  readonly bytes: number;
  /** One frame at a time; files are deleted by `dispose`. */
  read(): AsyncGenerator<Uint8Array, void>;
  dispose(): Promise<void>;
}

const pollMs = 5;

/**
 * Write a whole result with one COPY: the cheapest way for one that is small or comes out of an aggregation all at
 * once. Gives `undefined`, with nothing left behind, when the result outgrows the limit.
 *
 * File calls are synchronous where they touch a few names on a tmpfs: they take microseconds, a thread hop does not.
 */
export async function directFrames(options: DirectOptions): Promise<DirectResult | undefined> {
  const { database, path, sql, format, limitBytes, unordered, signal } = options;
  const overflow = new AbortController();
  const dispose = () => rm(path, { recursive: true, force: true });
  // With this option COPY makes a directory of files.
  const files = unordered ? ", FILE_SIZE_BYTES '8MB', FILENAME_PATTERN '{i}'" : "";
  const watch = setInterval(() => {
    if (totalSize(list(path, unordered)) > limitBytes) overflow.abort();
  }, pollMs);
  try {
    const rows = await database.run(`COPY (${sql}) TO ${quoteLiteral(path)} (${format}${files})`, {
      signal: AbortSignal.any([signal, overflow.signal]),
    });
    const found = list(path, unordered);
    if (found.length === 1 && !unordered) return single(path, rows, found[0] as FrameFile);
    return { rows, bytes: totalSize(found), read: () => readAll(found, rows), dispose };
  } catch (error) {
    await dispose();
    signal.throwIfAborted();
    if (overflow.signal.aborted) return undefined;
    throw error;
  } finally {
    clearInterval(watch);
  }
}

interface FrameFile {
  readonly file: string;
  readonly size: number;
}

/** One frame: read at once, so that nothing is left to delete. */
async function single(path: string, rows: number, found: FrameFile): Promise<DirectResult> {
  const frame = await readFrameFile(path, found.size);
  rmSync(path);
  async function* read() {
    if (rows > 0) yield frame;
  }
  return { rows, bytes: 0, read, dispose: async () => undefined };
}

async function* readAll(files: readonly FrameFile[], rows: number): AsyncGenerator<Uint8Array, void> {
  if (rows === 0) return;
  for (const { file, size } of files) {
    const frame = await readFrameFile(file, size);
    rmSync(file);
    yield frame;
  }
}

/** What COPY has written so far, in order. */
function list(path: string, directory: boolean): FrameFile[] {
  const sized = (file: string): FrameFile[] => {
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    return size === undefined ? [] : [{ file, size }];
  };
  if (!directory) return sized(path);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(path)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .flatMap((name) => sized(join(path, name)));
}

function totalSize(files: readonly FrameFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
