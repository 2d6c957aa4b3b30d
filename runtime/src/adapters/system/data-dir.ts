import { mkdirSync, rmSync, writeFileSync } from "node:fs";
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

/** The directory cannot be made or written: rights, a read-only mount, no space. */
export class DataDirUnusableError extends Error {
  override readonly name = "DataDirUnusableError";
}

const busy = 5;
const mostNodes = 64;

/**
 * Lock the data directory with a lock of the operating system, which ends with the process however it ends. Where the
 * directory is taken and `mayMove` allows it, `{path}-2`, `{path}-3`, … are tried (spec chapter 01). Throws
 * {@link DataDirInUseError} otherwise, and {@link DataDirUnusableError} when nothing can be written there.
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
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true });
    lock = new DatabaseSync(join(path, ".lock"), { timeout: 0 });
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    proveWritable(path);
    throw error;
  }
}

/** SQLite says of every failure that it is unable to open its file; the system says why. */
function proveWritable(path: string): void {
  const proof = join(path, `.writable-${process.pid}`);
  try {
    mkdirSync(path, { recursive: true });
    writeFileSync(proof, "spiced writes here\n");
    rmSync(proof);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const user =
      code === "EACCES" || code === "EPERM" ? `; the process runs as user ${process.getuid?.()}` : "";
    throw new DataDirUnusableError(`The data directory ${path} cannot be written: ${message}${user}`, {
      cause: error,
    });
  }
}
