import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rmdir, stat, unlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import {
  AmbiguousWriteError,
  type CallOptions,
  type ListedObject,
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  type StoredObject,
  StoreError,
} from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";
import { listFiles } from "./file-list.ts";
import { FileLock } from "./file-lock.ts";
import { checkKey } from "./keys.ts";

export interface FileStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a write waits for the writes of other processes. */
  readonly lockTimeoutMs?: number;
}

/** The folder below the root with the lock, the last stamp and unfinished files; no key may begin with it. */
export const controlFolder = ".~store";

/** Unfinished files of writers that died are removed at this age. */
const abandonedAfterMs = 3_600_000;

/**
 * Objects as plain files below one directory, for the processes of one host.
 *
 * A write goes to a new file, is flushed, and is renamed over the key while the root's lock is held; folders are
 * flushed, too. So a reader needs no lock and sees whole objects only, and a crash leaves the old object or the new
 * one. ETags are the file's modification time, inode and size: under the lock every write stamps its file with a time
 * later than any before it in this root, so an ETag never comes back.
 *
 * All processes must open the same root (not a folder above or below it), for the lock is the root's. A key may not
 * be a folder of another key.
 */
export class FileStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;
  readonly #control: string;
  readonly #options: FileStoreOptions;
  readonly #lock: FileLock;
  #prepared: Promise<void> | undefined;

  /** `root`: an absolute path; made by the first write. */
  constructor(root: string, options: FileStoreOptions) {
    this.#root = root;
    this.location = `file://${root}/`;
    this.#control = join(root, controlFolder);
    this.#options = options;
    this.#lock = new FileLock(join(this.#control, "lock"), {
      clock: options.clock,
      random: options.random,
      ...(options.lockTimeoutMs === undefined ? {} : { timeoutMs: options.lockTimeoutMs }),
    });
  }

  get(key: string, options?: CallOptions): Promise<StoredObject | undefined> {
    return this.#read("get", key, options, async (file, stats) => ({
      body: await file.readFile({ signal: options?.signal }),
      etag: etagOf(stats),
    }));
  }

  getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined> {
    return this.#read<StoredObject | "not-modified">("get", key, options, async (file, stats) =>
      etagOf(stats) === etag
        ? "not-modified"
        : { body: await file.readFile({ signal: options?.signal }), etag: etagOf(stats) },
    );
  }

  getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    return this.#read("get range", key, options, async (file, stats) => {
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, Number(stats.size) - start)));
      let filled = 0;
      while (filled < bytes.length) {
        options?.signal?.throwIfAborted();
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    });
  }

  async put(
    key: string,
    body: Uint8Array,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    return this.#write(key, condition, options, (file) => file.writeFile(body));
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    let broken: { error: unknown } | undefined;
    const source = async function* () {
      try {
        yield* chunks;
      } catch (error) {
        broken = { error };
        throw error;
      }
    };
    try {
      return await this.#write(key, condition, options, async (file) => {
        for await (const chunk of source()) {
          options?.signal?.throwIfAborted();
          await file.writeFile(chunk);
        }
      });
    } catch (error) {
      // The source's own error, which may well be one of a file, too.
      throw broken === undefined ? error : broken.error;
    }
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject> {
    try {
      for await (const { key, stats } of listFiles(this.#root, prefix, controlFolder)) {
        options?.signal?.throwIfAborted();
        yield {
          key,
          bytes: Number(stats.size),
          etag: etagOf(stats),
          lastModifiedMs: Number(stats.mtimeNs / 1_000_000n),
        };
      }
    } catch (error) {
      options?.signal?.throwIfAborted();
      throw this.#failure("list", prefix, error);
    }
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    const path = this.#path(key);
    options?.signal?.throwIfAborted();
    try {
      if ((await objectStats(path)) === undefined) return;
      await this.#prepare();
      await this.#lock.run(async () => {
        if ((await objectStats(path)) === undefined) return;
        await unlink(path);
        await syncFolder(dirname(path));
        await this.#removeEmptyFolders(dirname(path));
      }, options?.signal);
    } catch (error) {
      options?.signal?.throwIfAborted();
      throw this.#failure("delete", key, error);
    }
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    checkKey(key);
    if (key === controlFolder || key.startsWith(`${controlFolder}/`))
      throw new StoreError(`Invalid object key ${JSON.stringify(key)}: ${controlFolder} is the store's own`, {
        retryable: false,
      });
    return join(this.#root, key);
  }

  async #read<T>(
    what: string,
    key: string,
    options: CallOptions | undefined,
    use: (file: FileHandle, stats: BigIntStats) => Promise<T>,
  ): Promise<T | undefined> {
    const path = this.#path(key);
    options?.signal?.throwIfAborted();
    let file: FileHandle | undefined;
    try {
      file = await open(path, constants.O_RDONLY);
      const stats = await file.stat({ bigint: true });
      return stats.isFile() ? await use(file, stats) : undefined;
    } catch (error) {
      options?.signal?.throwIfAborted();
      if (isAbsent(error)) return undefined;
      throw this.#failure(what, key, error);
    } finally {
      await file?.close();
    }
  }

  async #write(
    key: string,
    condition: PutCondition,
    options: CallOptions | undefined,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<PutOutcome> {
    const path = this.#path(key);
    options?.signal?.throwIfAborted();
    let temporary: string | undefined;
    try {
      await this.#prepare();
      temporary = join(this.#control, "tmp", this.#options.random.uuid());
      const file = await open(temporary, "wx");
      try {
        await fill(file);
        await file.sync();
      } finally {
        await file.close();
      }
      const from = temporary;
      const outcome = await this.#lock.run(() => this.#commit(from, path, condition), options?.signal);
      if (outcome.kind === "written") temporary = undefined;
      return outcome;
    } catch (error) {
      if (error instanceof AmbiguousWriteError) throw error;
      options?.signal?.throwIfAborted();
      throw this.#failure("put", key, error);
    } finally {
      if (temporary !== undefined) await unlink(temporary).catch(ignoreAbsent);
    }
  }

  /** Under the lock: check the condition, stamp, rename, flush. */
  async #commit(temporary: string, path: string, condition: PutCondition): Promise<PutOutcome> {
    const current = await objectStats(path);
    if (condition.kind === "absent" && current !== undefined) return { kind: "precondition-failed" };
    if (condition.kind === "match") {
      if (current === undefined) return { kind: "missing" };
      if (etagOf(current) !== condition.etag) return { kind: "precondition-failed" };
    }
    const stats = await this.#stamp(temporary, current?.mtimeNs ?? 0n);
    await makeFolders(dirname(path));
    await rename(temporary, path);
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      throw new AmbiguousWriteError(`put ${path}: written, but its folder cannot be flushed`, error);
    }
    return { kind: "written", etag: etagOf(stats) };
  }

  /** Give the file a modification time later than any before in this root. */
  async #stamp(temporary: string, currentNs: bigint): Promise<BigIntStats> {
    const mark = join(this.#control, "latest");
    const latestNs = (await stat(mark, { bigint: true })).mtimeNs;
    const nowUs = BigInt(Math.trunc(this.#options.clock.wallMs() * 1000));
    // Steps of 4 µs: a time in seconds is a double on its way to the file system, exact to a quarter of one.
    const stampUs = max(nowUs, max(latestNs, currentNs) / 1000n + 4n);
    const seconds = Number(stampUs) / 1e6;
    await utimes(mark, seconds, seconds);
    await utimes(temporary, seconds, seconds);
    const stats = await stat(temporary, { bigint: true });
    if (stats.mtimeNs <= latestNs || stats.mtimeNs <= currentNs)
      throw new StoreError(
        `${this.#root}: this file system does not keep modification times to the microsecond`,
        {
          retryable: false,
        },
      );
    return stats;
  }

  /** Make the store's own folder, once for each store; again after a failure. */
  #prepare(): Promise<void> {
    this.#prepared ??= this.#makeControlFolder().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async #makeControlFolder(): Promise<void> {
    const unfinished = join(this.#control, "tmp");
    await makeFolders(unfinished);
    await (await open(join(this.#control, "latest"), "a")).close();
    const oldestMs = this.#options.clock.wallMs() - abandonedAfterMs;
    for (const name of await readdir(unfinished)) {
      const path = join(unfinished, name);
      const stats = await stat(path).catch(ignoreAbsent);
      if (stats !== undefined && stats.mtimeMs < oldestMs) await unlink(path).catch(ignoreAbsent);
    }
  }

  /** Folders exist for their objects only, as on an object store. */
  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at !== this.#root; at = dirname(at)) {
      try {
        await rmdir(at);
      } catch (error) {
        if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return;
        throw error;
      }
    }
  }

  #failure(what: string, key: string, error: unknown): Error {
    if (error instanceof StoreError || codeOf(error) === undefined) return error as Error;
    const code = codeOf(error);
    const text = `${what} ${this.location}${key}: ${(error as Error).message}`;
    return new StoreError(text, { cause: error, retryable: code === "EMFILE" || code === "EAGAIN" });
  }
}

function etagOf(stats: BigIntStats): string {
  return `"${stats.mtimeNs.toString(36)}-${stats.ino.toString(36)}-${stats.size.toString(36)}"`;
}

async function objectStats(path: string): Promise<BigIntStats | undefined> {
  const stats = await stat(path, { bigint: true }).catch(ignoreAbsent);
  return stats?.isFile() === true ? stats : undefined;
}

/** Make a folder and those above it, each durable in the one above. */
async function makeFolders(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** No such object: also when a folder of the key is a file, or the key is a folder. */
function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error) ?? "");
}

function ignoreAbsent(error: unknown): undefined {
  if (!isAbsent(error)) throw error;
  return undefined;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
