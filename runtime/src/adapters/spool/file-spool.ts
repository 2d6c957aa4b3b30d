import { mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ResourceExhaustedError } from "../../ports/exchange.ts";
import type { Spool, SpoolStore } from "../../ports/spool.ts";

export interface FileSpoolOptions {
  /** A directory of this process alone, best on tmpfs or a fast disk; made when it is missing. */
  readonly directory: string;
  /** Bytes that all queries together may keep. */
  readonly maxBytes: number;
}

/** Frames as files below one directory. */
export function fileSpool(options: FileSpoolOptions): SpoolStore {
  const shared = { bytes: 0, spools: 0 };
  return {
    async open(queryId) {
      if (shared.spools === 0) mkdirSync(options.directory, { recursive: true });
      shared.spools += 1;
      // The id comes from outside: only its harmless characters reach the path.
      const name = `q-${queryId.replaceAll(/[^\w-]/g, "").slice(0, 36)}-${shared.spools}`;
      return new FileSpool(join(options.directory, name), options.maxBytes, shared);
    },
  };
}

/** Up to this size a call that blocks costs less than the thread hops of one that does not. */
const smallBytes = 256 << 10;

class FileSpool implements Spool {
  readonly #prefix: string;
  readonly #maxBytes: number;
  readonly #shared: { bytes: number };
  readonly #sizes = new Map<string, number>();
  readonly #writing = new Set<Promise<void>>();
  #bytes = 0;
  #next = 0;
  #closed = false;

  /** @param prefix what the paths of this query's frames begin with; nobody else's do. */
  constructor(prefix: string, maxBytes: number, shared: { bytes: number }) {
    this.#prefix = prefix;
    this.#maxBytes = maxBytes;
    this.#shared = shared;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(frame: Uint8Array): Promise<string> {
    if (this.#closed) throw new Error("The spool of this query is closed");
    if (this.#shared.bytes + frame.byteLength > this.#maxBytes) {
      throw new ResourceExhaustedError(
        `Fragment results of running queries need more than ${this.#maxBytes} bytes; retry later or select less`,
      );
    }
    const path = `${this.#prefix}-${this.#next}.parquet`;
    this.#next += 1;
    this.#count(path, frame.byteLength);
    try {
      await this.#put(path, frame);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
      throw new ResourceExhaustedError(
        "The disk has no room for fragment results of running queries; retry later or select less",
        { cause: error },
      );
    }
    return path;
  }

  async #put(path: string, frame: Uint8Array): Promise<void> {
    if (frame.byteLength <= smallBytes) {
      writeFileSync(path, frame);
      return;
    }
    const written = writeFile(path, frame);
    this.#writing.add(written);
    await written.finally(() => this.#writing.delete(written));
  }

  async remove(path: string): Promise<void> {
    const size = this.#discount(path);
    if (size === undefined) return;
    if (size <= smallBytes) unlinkSync(path);
    else await unlink(path);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#writing);
    await Promise.all(
      [...this.#sizes.keys()].map(async (path) => {
        this.#discount(path);
        await rm(path, { force: true });
      }),
    );
  }

  #count(path: string, size: number): void {
    this.#sizes.set(path, size);
    this.#bytes += size;
    this.#shared.bytes += size;
  }

  #discount(path: string): number | undefined {
    const size = this.#sizes.get(path);
    if (size === undefined) return undefined;
    this.#sizes.delete(path);
    this.#bytes -= size;
    this.#shared.bytes -= size;
    return size;
  }
}
