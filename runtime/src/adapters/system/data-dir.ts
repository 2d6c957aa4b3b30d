import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A data directory that this process alone may use, until it ends. */
export interface DataDir {
  readonly path: string;
  release(): void;
}

/** The directory is in use by another process, and was asked for by name. */
export class DataDirInUseError extends Error {
  override readonly name = "DataDirInUseError";
}

const busy = 5;
const mostNodes = 64;

/**
 * Lock the data directory with a lock of the operating system, which ends with the process however it ends. Where the
 * directory is taken and `mayMove` allows it, `{path}-2`, `{path}-3`, … are tried (spec chapter 01). Throws
 * {@link DataDirInUseError} otherwise.
 */
export function lockDataDir(wanted: string, mayMove: boolean): DataDir {
  const base = resolve(wanted);
  for (let i = 1; i <= (mayMove ? mostNodes : 1); i++) {
    const path = i === 1 ? base : `${base}-${i}`;
    const lock = tryLock(path);
    if (lock !== undefined) return { path, release: () => lock.close() };
  }
  throw new DataDirInUseError(
    `The data directory ${base} is in use by another process: give another --data-dir`,
  );
}

function tryLock(path: string): DatabaseSync | undefined {
  mkdirSync(path, { recursive: true });
  const lock = new DatabaseSync(join(path, ".lock"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    throw error;
  }
}
