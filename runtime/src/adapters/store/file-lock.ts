import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../ports/clock.ts";
import { StoreError } from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";

export interface FileLockOptions {
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  readonly random: Pick<Random, "next">;
  /** How long to wait for other processes of this host. */
  readonly timeoutMs?: number;
}

/**
 * Mutual exclusion between all processes of one host, by a lock of the operating system on one file.
 *
 * The kernel frees the lock when its holder dies, however it dies, so there is no stale lock to recognise and no
 * process id to misjudge across containers. Node has no call for such locks; its SQLite takes one for an exclusive
 * transaction, on a database that stays empty. Not for network file systems.
 */
export class FileLock {
  readonly #path: string;
  readonly #options: FileLockOptions;
  /** Settles when the last one of this process's queue has given the lock back. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: FileLockOptions) {
    this.#path = path;
    this.#options = options;
  }

  /**
   * Run `work` while holding the lock; the lock's directory must exist. Throws the signal's reason, or a retryable
   * {@link StoreError} when another process keeps the lock; in both cases `work` has not begun.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const queuedAt = this.#options.clock.monotonicMs();
    const result = this.#tail.then(async () => {
      const held = await this.#acquire(queuedAt, signal);
      try {
        return await work();
      } finally {
        held.close();
      }
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #acquire(queuedAt: number, signal: AbortSignal | undefined): Promise<DatabaseSync> {
    const { clock, random, timeoutMs = 30_000 } = this.#options;
    for (let wait = 1; ; wait = Math.min(wait * 1.5, 20)) {
      signal?.throwIfAborted();
      const held = this.#tryAcquire();
      if (held !== undefined) return held;
      if (clock.monotonicMs() - queuedAt > timeoutMs)
        throw new StoreError(`Another process has held ${this.#path} for ${timeoutMs} ms`, {
          retryable: true,
        });
      await clock.sleep(wait * (0.5 + random.next()), signal);
    }
  }

  #tryAcquire(): DatabaseSync | undefined {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(this.#path, { timeout: 0 });
      database.exec("BEGIN EXCLUSIVE");
      return database;
    } catch (error) {
      database?.close();
      const { errcode, message } = error as { errcode?: number; message?: string };
      if (errcode === sqliteBusy) return undefined;
      throw new StoreError(`Cannot lock ${this.#path}: ${message}`, { cause: error, retryable: false });
    }
  }
}

const sqliteBusy = 5;
