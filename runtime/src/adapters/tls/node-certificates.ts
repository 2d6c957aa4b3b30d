import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { type CertificateFiles, loadCertificates, type NodeCertificates } from "./load-certificates.ts";

/** Where the reasons for refusals and reloads go. */
export interface TlsLog {
  info(message: string, detail: Record<string, unknown>): void;
  warn(message: string, detail: Record<string, unknown>): void;
}

export interface WatchOptions {
  readonly log: TlsLog;
  /** Slow poll beside file events, which some file systems do not send. Default 10 s. */
  readonly pollMs?: number;
}

/** Files change one after another: wait for quiet before reading. */
const settleMs = 50;

/**
 * The node's certificates, read again when the files change. A set that cannot be used is reported once and the last
 * good one stays in force; connections that are open go on with what they were opened with.
 */
export class CertificateSource {
  readonly #files: CertificateFiles;
  readonly #options: WatchOptions;
  readonly #listeners = new Set<(certificates: NodeCertificates) => void>();
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #settle: NodeJS.Timeout | undefined;
  #current: NodeCertificates;
  #reported = "";
  #loading: Promise<void> | undefined;
  #closed = false;

  private constructor(files: CertificateFiles, options: WatchOptions, current: NodeCertificates) {
    this.#files = files;
    this.#options = options;
    this.#current = current;
    this.#poll = setInterval(() => void this.reload(), options.pollMs ?? 10_000);
    this.#poll.unref();
    for (const folder of new Set(Object.values(files).map((file: string) => dirname(file))))
      this.#watch(folder);
  }

  /** @throws CertificateError when the files cannot be used now. */
  static async open(files: CertificateFiles, options: WatchOptions): Promise<CertificateSource> {
    return new CertificateSource(files, options, await loadCertificates(files));
  }

  current(): NodeCertificates {
    return this.#current;
  }

  /** Call `listener` soon with the current set, and with every new one, until the returned function is called. */
  subscribe(listener: (certificates: NodeCertificates) => void): () => void {
    this.#listeners.add(listener);
    // Not at once: grpc-js forgets an update that comes before it has finished to subscribe.
    process.nextTick(() => {
      if (this.#listeners.has(listener)) listener(this.#current);
    });
    return () => this.#listeners.delete(listener);
  }

  /** Read the files now. Never rejects: a set that cannot be used goes to the log. */
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
      this.#settle = setTimeout(() => void this.reload(), settleMs);
    });
    // The poll goes on when a folder can no longer be watched.
    watcher.on("error", (error) =>
      this.#options.log.warn("Cannot watch certificates", { folder, cause: error.message }),
    );
    this.#watchers.push(watcher);
  }

  async #load(): Promise<void> {
    let next: NodeCertificates;
    try {
      next = await loadCertificates(this.#files);
    } catch (error) {
      const cause = (error as Error).message;
      if (cause !== this.#reported && !this.#closed) {
        this.#options.log.warn("New certificates cannot be used; the last good ones stay in force", {
          cause,
        });
      }
      this.#reported = cause;
      return;
    }
    this.#reported = "";
    const [old, same] = [this.#current, equal(this.#current, next)];
    if (same || this.#closed) return;
    this.#current = next;
    this.#options.log.info("Certificates were read again", {
      fingerprint: next.leaf.fingerprint256,
      before: old.leaf.fingerprint256,
      expires: next.leaf.validToDate.toISOString(),
    });
    for (const listener of this.#listeners) listener(next);
  }
}

function equal(a: NodeCertificates, b: NodeCertificates): boolean {
  return a.ca.equals(b.ca) && a.certificate.equals(b.certificate) && a.key.equals(b.key);
}
