import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CertificateError } from "./certificate-error.ts";
import { TornReadError } from "./read-files.ts";
import { type Look, type ReloadState, reloadStep } from "./reload-state.ts";

/** Where the reasons for refusals and reloads go. */
export interface TlsLog {
  info(message: string, detail: Record<string, unknown>): void;
  warn(message: string, detail: Record<string, unknown>): void;
}

export interface ReloadedFilesOptions<T> {
  /** The files; their folders are watched. */
  readonly paths: readonly string[];
  /** Read them all, once; `inForce` is what they held before, undefined at the start. Throws why they cannot be used. */
  load(inForce: T | undefined): Promise<T>;
  same(a: T, b: T): boolean;
  /** New content came into force. */
  swapped(now: T, before: T): void;
  readonly log: TlsLog;
  /** What the files are, for the log: "certificates". */
  readonly what: string;
  /** Slow poll beside file events, which some file systems do not send. */
  readonly pollMs: number;
}

/** Files change one after another: wait for quiet before reading. */
const settleMs = 50;
/** A read that meets a change is made again, so many times in all. */
const attempts = 5;
const retryMs = 20;

/**
 * Files that belong together, read again when they change. A set that cannot be used is reported once and the last good
 * one stays in force.
 */
export class ReloadedFiles<T> {
  readonly #options: ReloadedFilesOptions<T>;
  readonly #listeners = new Set<(current: T) => void>();
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #settle: NodeJS.Timeout | undefined;
  #state: ReloadState<T>;
  #loading: Promise<void> | undefined;
  #closed = false;

  private constructor(options: ReloadedFilesOptions<T>, current: T) {
    this.#options = options;
    this.#state = { current, problem: undefined };
    this.#poll = setInterval(() => void this.reload(), options.pollMs);
    this.#poll.unref();
    for (const folder of new Set(options.paths.map((file) => dirname(file)))) this.#watch(folder);
  }

  /** @throws CertificateError when the files cannot be used now. */
  static async open<T>(options: ReloadedFilesOptions<T>): Promise<ReloadedFiles<T>> {
    const look = await lookAt(options, undefined);
    if (look.kind === "unusable") throw new CertificateError(look.cause);
    return new ReloadedFiles(options, look.value);
  }

  current(): T {
    return this.#state.current;
  }

  /** Call `listener` with every new content until the returned function is called. */
  subscribe(listener: (current: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Read the files now. Never rejects: content that cannot be used goes to the log. */
  reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
    this.#listeners.clear();
  }

  #watch(folder: string): void {
    const watcher = watch(folder, { persistent: false }, () => {
      clearTimeout(this.#settle);
      this.#settle = setTimeout(() => void this.#reloadAfterChange(), settleMs);
    });
    // The poll goes on when a folder can no longer be watched.
    watcher.on("error", (error) =>
      this.#options.log.warn(`Cannot watch ${this.#options.what}`, { folder, cause: error.message }),
    );
    this.#watchers.push(watcher);
  }

  /** A read that began before the change may have missed it. */
  async #reloadAfterChange(): Promise<void> {
    await this.#loading;
    if (!this.#closed) await this.reload();
  }

  async #load(): Promise<void> {
    const { what, log, same, swapped } = this.#options;
    const look = await lookAt(this.#options, this.#state.current);
    if (this.#closed) return;
    const step = reloadStep(this.#state, look, same);
    this.#state = step.state;
    switch (step.kind) {
      case "unchanged":
        return;
      case "kept":
        log.warn(`New ${what} cannot be used; the last good ones stay in force`, { cause: step.cause });
        return;
      case "swapped":
        swapped(step.state.current, step.before);
        for (const listener of this.#listeners) listener(step.state.current);
        return;
      default:
        step satisfies never;
    }
  }
}

async function lookAt<T>({ load, what }: ReloadedFilesOptions<T>, inForce: T | undefined): Promise<Look<T>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return { kind: "usable", value: await load(inForce) };
    } catch (error) {
      // Only a change under way is worth another look at once; a missing file may be one as well.
      const passing = error instanceof TornReadError || (error as NodeJS.ErrnoException).code === "ENOENT";
      if (passing && attempt < attempts) {
        await delay(retryMs);
        continue;
      }
      const { message } = error as Error;
      const cause = error instanceof CertificateError ? message : `Cannot read the ${what}: ${message}`;
      return { kind: "unusable", cause };
    }
  }
}
