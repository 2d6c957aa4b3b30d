import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import { DuckDBInstance } from "@duckdb/node-api";
import { quoteLiteral } from "../../../core/sql/quote.ts";
import { readFrameFile } from "./frame-file.ts";

/** `lz4_raw` is the cheapest; `zstd` (level 1) halves the bytes for a slower network. */
export type FrameCompression = "lz4_raw" | "zstd";

/** Options of COPY that every frame is written with. */
export function frameFormat(compression: FrameCompression): string {
  return compression === "zstd"
    ? "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    : "FORMAT parquet, COMPRESSION lz4_raw";
}

/** Frames aim at this size: large enough for good throughput, small enough to hold a few per fragment. */
const frameBytes = 2 << 20;
/** A Parquet row group of DuckDB; more rows per frame gain nothing. */
const maximumRows = 122_880;
const firstRows = 8_192;

/**
 * Turns engine chunks into Parquet frames. Rows never become JavaScript values: chunks are handed from the serving
 * instance to tables of a small instance of its own, which writes them.
 */
export class FrameEncoder {
  readonly #instance: DuckDBInstance;
  readonly #directory: string;
  readonly #format: string;
  #sessions = 0;

  private constructor(instance: DuckDBInstance, directory: string, compression: FrameCompression) {
    this.#instance = instance;
    this.#directory = directory;
    this.#format = frameFormat(compression);
  }

  static async open(options: {
    /** Where frames are written; belongs to this encoder's owner, who empties it. */
    readonly directory: string;
    readonly memoryLimit: string;
    readonly compression: FrameCompression;
  }): Promise<FrameEncoder> {
    const instance = await DuckDBInstance.create(":memory:", {
      threads: "1",
      memory_limit: options.memoryLimit,
      temp_directory: join(options.directory, "encoder-spill"),
      // Memory of frames that were sent goes back to the system.
      allocator_background_threads: "true",
      allocator_flush_threshold: "16MB",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    return new FrameEncoder(instance, options.directory, options.compression);
  }

  /** An encoder of one result whose columns have these wire types. */
  async session(wireTypes: readonly string[]): Promise<FrameSession> {
    const name = `s${this.#sessions++}`;
    const writer = await this.#instance.connect();
    const copier = await this.#instance.connect();
    const columns = wireTypes.map((type, i) => `c${i} ${type}`).join(", ");
    return new FrameSession({
      name,
      writer,
      copier,
      columns,
      directory: this.#directory,
      format: this.#format,
    });
  }

  close(): void {
    this.#instance.closeSync();
  }
}

interface SessionParts {
  readonly name: string;
  readonly writer: DuckDBConnection;
  readonly copier: DuckDBConnection;
  readonly columns: string;
  readonly directory: string;
  readonly format: string;
}

/** Collects chunks and cuts frames from them; while one frame is written the next one fills. */
export class FrameSession {
  readonly #parts: SessionParts;
  #appender: DuckDBAppender | undefined;
  #table = "";
  #tables = 0;
  #rows = 0;
  #target = firstRows;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Rows that wait to be cut. */
  get rows(): number {
    return this.#rows;
  }

  /** True when a frame of the right size has come together. */
  get isFull(): boolean {
    return this.#rows >= this.#target;
  }

  async append(chunk: DuckDBDataChunk): Promise<void> {
    if (this.#appender === undefined) {
      this.#table = `${this.#parts.name}_${this.#tables++}`;
      await this.#parts.writer.run(`CREATE TABLE ${this.#table} (${this.#parts.columns})`);
      this.#appender = await this.#parts.writer.createAppender(this.#table);
    }
    this.#appender.appendDataChunk(chunk);
    this.#rows += chunk.rowCount;
  }

  /** Begin to write what was appended as one frame. The frame comes when the returned promise settles. */
  cut(): Promise<Uint8Array> {
    const [appender, table, rows] = [this.#appender, this.#table, this.#rows];
    if (appender === undefined) throw new Error("There is nothing to cut a frame from");
    this.#appender = undefined;
    this.#rows = 0;
    appender.closeSync();
    const frame = this.#writing.then(() => this.#write(table, rows));
    this.#writing = frame.catch(() => undefined);
    return frame;
  }

  async #write(table: string, rows: number): Promise<Uint8Array> {
    const { copier, directory, format } = this.#parts;
    const file = join(directory, `${table}.parquet`);
    try {
      await copier.run(`COPY ${table} TO ${quoteLiteral(file)} (${format})`);
      const { size } = await stat(file);
      const ideal = Math.floor((rows * frameBytes) / Math.max(size, 1));
      this.#target = Math.max(2_048, Math.min(ideal, this.#target * 4, maximumRows));
      return await readFrameFile(file, size);
    } finally {
      await rm(file, { force: true });
      await copier.run(`DROP TABLE IF EXISTS ${table}`);
    }
  }

  /** Drop everything that was not cut and wait for what is being written. */
  async close(): Promise<void> {
    await this.#writing;
    this.#appender?.closeSync();
    if (this.#appender !== undefined) await this.#parts.writer.run(`DROP TABLE IF EXISTS ${this.#table}`);
    this.#appender = undefined;
    this.#parts.writer.closeSync();
    this.#parts.copier.closeSync();
  }
}
