import { mkdir, mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
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
  const shared = { bytes: 0 };
  return {
    async open(queryId) {
      await mkdir(options.directory, { recursive: true });
      // The id comes from outside: only its harmless characters reach the path.
      const prefix = `q-${queryId.replaceAll(/[^\w-]/g, "").slice(0, 36)}-`;
      return new FileSpool(await mkdtemp(join(options.directory, prefix)), options.maxBytes, shared);
    },
  };
}

class FileSpool implements Spool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #shared: { bytes: number };
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  #next = 0;
  #closed = false;

  constructor(directory: string, maxBytes: number, shared: { bytes: number }) {
    this.#directory = directory;
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
    const path = join(this.#directory, `${this.#next}.parquet`);
    this.#next += 1;
    this.#count(path, frame.byteLength);
    await writeFile(path, frame);
    return path;
  }

  async remove(path: string): Promise<void> {
    if (!this.#sizes.has(path)) return;
    this.#discount(path);
    if (!this.#closed) await unlink(path);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const path of [...this.#sizes.keys()]) this.#discount(path);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #count(path: string, size: number): void {
    this.#sizes.set(path, size);
    this.#bytes += size;
    this.#shared.bytes += size;
  }

  #discount(path: string): void {
    const size = this.#sizes.get(path) ?? 0;
    this.#sizes.delete(path);
    this.#bytes -= size;
    this.#shared.bytes -= size;
  }
}
