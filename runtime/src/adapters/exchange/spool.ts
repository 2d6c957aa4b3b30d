import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeSelect, emptyWireRelation, type WireColumn } from "../../core/query/wire-type.ts";
import { quoteLiteral } from "../../core/sql/quote.ts";
import { type FragmentResult, type FragmentStats, ResourceExhaustedError } from "../../ports/exchange.ts";

/** A relation over frames that arrived; its SQL can stand after FROM. */
export interface SpooledRelation {
  /** `(SELECT …)` with the columns' names and types restored. */
  readonly sql: string;
  readonly bytes: number;
  /** Delete its files. Idempotent. */
  release(): Promise<void>;
}

/**
 * Where a node keeps frames between their arrival and their use: files below one directory, with a quota for all
 * queries together. The directory belongs to the spool, which empties it at the start.
 */
export class Spool {
  readonly #directory: string;
  readonly #quotaBytes: number;
  readonly #queries = new Set<QuerySpool>();
  #bytes = 0;

  private constructor(directory: string, quotaBytes: number) {
    this.#directory = directory;
    this.#quotaBytes = quotaBytes;
  }

  static async open(options: { readonly directory: string; readonly quotaBytes: number }): Promise<Spool> {
    await rm(options.directory, { recursive: true, force: true });
    await mkdir(options.directory, { recursive: true });
    return new Spool(options.directory, options.quotaBytes);
  }

  /** Bytes that lie in the directory now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A place for one query's frames with a quota of its own. Close it in every case. */
  query(options: { readonly quotaBytes?: number } = {}): QuerySpool {
    const spool = new QuerySpool({
      directory: join(this.#directory, randomUUID()),
      reserve: (bytes, held) => this.#reserve(bytes, held, options.quotaBytes ?? this.#quotaBytes),
      giveBack: (bytes) => {
        this.#bytes -= bytes;
      },
      closed: (query) => this.#queries.delete(query),
    });
    this.#queries.add(spool);
    return spool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queries].map((query) => query.close()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #reserve(bytes: number, held: number, quota: number): void {
    if (held + bytes > quota || this.#bytes + bytes > this.#quotaBytes) {
      throw new ResourceExhaustedError(
        `Intermediate results need more than ${held + bytes > quota ? quota : this.#quotaBytes} bytes on this node`,
      );
    }
    this.#bytes += bytes;
  }
}

interface QuerySpoolParts {
  readonly directory: string;
  /** Throws a ResourceExhaustedError beyond the quota. */
  reserve(bytes: number, held: number): void;
  giveBack(bytes: number): void;
  closed(query: QuerySpool): void;
}

/** The frames of one query. */
export class QuerySpool {
  readonly #parts: QuerySpoolParts;
  #made: Promise<unknown> | undefined;
  #held = 0;
  #files = 0;
  #closed = false;

  constructor(parts: QuerySpoolParts) {
    this.#parts = parts;
  }

  /**
   * Start some fragments and take in all their frames, side by side, as one relation: the union of their rows. The
   * first failure aborts the signal that `start` gets, deletes what arrived, and is thrown.
   * @throws what that fragment threw, ResourceExhaustedError over the quota, or the signal's reason.
   */
  async collect(
    start: (signal: AbortSignal) => readonly FragmentResult[],
    columns: readonly WireColumn[],
    signal: AbortSignal,
  ): Promise<SpooledRelation & { readonly stats: readonly FragmentStats[] }> {
    const failure = new AbortController();
    const results = start(AbortSignal.any([signal, failure.signal]));
    const files: FrameFile[][] = results.map(() => []);
    const release = () => this.#delete(files.splice(0).flat());
    const settled = await Promise.allSettled(
      results.map(async ({ frames, stats }, i) => {
        try {
          for await (const frame of frames) files[i]?.push(await this.#write(frame));
          return await stats;
        } catch (error) {
          if (!failure.signal.aborted) failure.abort(error);
          throw error;
        }
      }),
    );
    if (failure.signal.aborted) {
      await release();
      throw failure.signal.reason;
    }
    const stats = settled.flatMap((s) => (s.status === "fulfilled" ? [s.value] : []));
    return { ...relationOf(files.flat(), columns), stats, release };
  }

  /**
   * One relation per frame, at the reader's pace, for results that pass through: each is released when the next is
   * pulled or the iteration ends.
   */
  async *each(result: FragmentResult, columns: readonly WireColumn[]): AsyncGenerator<SpooledRelation, void> {
    for await (const frame of result.frames) {
      const file = await this.#write(frame);
      const files = [file];
      const release = () => this.#delete(files.splice(0));
      try {
        yield { ...relationOf([file], columns), release };
      } finally {
        await release();
      }
    }
  }

  /** Delete what is left. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.closed(this);
    this.#parts.giveBack(this.#held);
    this.#held = 0;
    await this.#made;
    await rm(this.#parts.directory, { recursive: true, force: true });
  }

  async #write(frame: Uint8Array): Promise<FrameFile> {
    if (this.#closed) throw new Error("The query has ended");
    const bytes = frame.byteLength;
    this.#parts.reserve(bytes, this.#held);
    this.#held += bytes;
    const file = join(this.#parts.directory, `${this.#files++}.parquet`);
    this.#made ??= mkdir(this.#parts.directory, { recursive: true });
    await this.#made;
    await writeFile(file, frame);
    return { file, bytes };
  }

  async #delete(files: readonly FrameFile[]): Promise<void> {
    for (const { file, bytes } of files) {
      if (this.#closed) return;
      this.#held -= bytes;
      this.#parts.giveBack(bytes);
      await rm(file, { force: true });
    }
  }
}

interface FrameFile {
  readonly file: string;
  readonly bytes: number;
}

function relationOf(
  files: readonly FrameFile[],
  columns: readonly WireColumn[],
): { sql: string; bytes: number } {
  const list = files.map(({ file }) => quoteLiteral(file)).join(", ");
  const source = files.length === 0 ? emptyWireRelation(columns) : `read_parquet([${list}])`;
  return { sql: `(${decodeSelect(source, columns)})`, bytes: files.reduce((sum, f) => sum + f.bytes, 0) };
}
