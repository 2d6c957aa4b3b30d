import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Copy, RepeatedCopies } from "../repeated-copies.ts";
import { readFrameFile } from "./frame-file.ts";

export interface DirectOptions {
  readonly copies: RepeatedCopies;
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
  const { copies, sql, format, unordered } = options;
  // With this option COPY makes a directory of files.
  const files = unordered ? ", FILE_SIZE_BYTES '8MB', FILENAME_PATTERN '{i}'" : "";
  const copy = await copies.acquire(sql, `${format}${files}`);
  let result: DirectResult | undefined;
  try {
    result = await write(copy, options);
    return result;
  } finally {
    if (result === undefined || result.bytes === 0) copy.release();
  }
}

async function write(
  copy: Copy,
  { limitBytes, unordered, signal }: DirectOptions,
): Promise<DirectResult | undefined> {
  const { path } = copy;
  const overflow = new AbortController();
  const remove = () => rmSync(path, { recursive: true, force: true });
  const watch = setInterval(() => {
    if (totalSize(list(path, unordered)) > limitBytes) overflow.abort();
  }, pollMs);
  try {
    const rows = await copy.run(AbortSignal.any([signal, overflow.signal]));
    const found = list(path, unordered);
    if (found.length === 1 && !unordered) return await single(path, rows, found[0] as FrameFile);
    const bytes = Math.max(1, totalSize(found));
    const dispose = async () => {
      remove();
      copy.release();
    };
    return { rows, bytes, read: () => readAll(found, rows), dispose };
  } catch (error) {
    remove();
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
