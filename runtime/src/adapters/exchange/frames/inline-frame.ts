import { DuckDBBlobValue, DuckDBDataChunk } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import type { InlineType } from "./inline-type.ts";

/*
 * A frame of few rows without Parquet: the mark, the number of blocks, and per block (one chunk of the engine) its
 * rows and columns. A column is a byte that says whether a validity mask follows (a set bit is a value), the mask, and
 * the values in the engine's own memory layout, little-endian; of text and blobs all lengths and then all bytes.
 */
const mark = Buffer.from("ROW1");

/** True for an inline frame; a Parquet file begins otherwise. */
export function isInlineFrame(frame: Uint8Array): boolean {
  return mark.every((byte, i) => frame[i] === byte);
}

/** Bytes beyond which rows are cheaper as Parquet. */
const maxBytes = 64 << 10;

/** Collects chunks of a small result. */
export class InlineFrameWriter {
  readonly #types: readonly InlineType[];
  readonly #maxRows: number;
  readonly #pieces: Buffer[] = [];
  #blocks = 0;
  #bytes = 0;
  rows = 0;

  constructor(types: readonly InlineType[], maxRows: number) {
    this.#types = types;
    this.#maxRows = maxRows;
  }

  /** Take a chunk; false when the result is too large for an inline frame. */
  add(chunk: DuckDBDataChunk): boolean {
    const count = chunk.rowCount;
    this.rows += count;
    if (this.rows > this.#maxRows) return false;
    this.#blocks += 1;
    this.#push(uint32s([count]));
    this.#types.forEach((type, i) => {
      this.#column(chunk, i, type, count);
    });
    return this.#bytes <= maxBytes;
  }

  finish(): Uint8Array {
    return Buffer.concat([mark, uint32s([this.#blocks]), ...this.#pieces]);
  }

  #column(chunk: DuckDBDataChunk, index: number, { width }: InlineType, count: number): void {
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, index);
    // The binding answers null for a vector without NULLs, whatever its declaration says.
    const mask: Uint8Array | null = duckdb.vector_get_validity(vector, Math.ceil(count / 64) * 8);
    this.#push(Buffer.from([mask === null ? 0 : 1]));
    if (mask !== null) this.#push(Buffer.from(mask.subarray(0, maskBytes(count))));
    if (width === 0) {
      this.#texts(chunk, index, count);
      return;
    }
    // Copied at once: the memory is the chunk's.
    const values = Buffer.from(duckdb.vector_get_data(vector, count * width));
    // What lies below a NULL is nobody's.
    for (let row = 0; mask !== null && row < count; row++) {
      if (!isSet(mask, row)) values.fill(0, row * width, (row + 1) * width);
    }
    this.#push(values);
  }

  #texts(chunk: DuckDBDataChunk, index: number, count: number): void {
    const column = chunk.getColumnVector(index);
    const values = Array.from({ length: count }, (_, row) => bytesOf(column.getItem(row)));
    this.#push(uint32s(values.map((value) => value.byteLength)));
    for (const value of values) this.#push(value);
  }

  #push(piece: Buffer): void {
    this.#bytes += piece.byteLength;
    this.#pieces.push(piece);
  }
}

/**
 * The rows of an inline frame as chunks of the engine.
 * @throws Error when the bytes are not an inline frame of such columns.
 */
export function readInlineFrame(frame: Uint8Array, types: readonly InlineType[]): readonly DuckDBDataChunk[] {
  return readBlocks(frame, (reader) => readBlock(reader, types));
}

/** What `read` makes of each block; throws when it leaves something of the frame, or asks for more. */
export function readBlocks<T>(frame: Uint8Array, read: (reader: InlineReader) => T): readonly T[] {
  if (!isInlineFrame(frame)) throw new Error("The frame is not an inline frame");
  const reader = new InlineReader(frame, mark.byteLength);
  const blocks = Array.from({ length: reader.uint32() }, () => read(reader));
  reader.end();
  return blocks;
}

function readBlock(reader: InlineReader, types: readonly InlineType[]): DuckDBDataChunk {
  const count = reader.uint32();
  const chunk = DuckDBDataChunk.create(
    types.map(({ type }) => type),
    count,
  );
  types.forEach(({ width }, i) => {
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, i);
    const mask = reader.mask(count);
    if (mask !== undefined) {
      duckdb.vector_ensure_validity_writable(vector);
      duckdb.copy_data_to_vector_validity(vector, 0, bufferOf(mask), mask.byteOffset, mask.byteLength);
    }
    if (width > 0) {
      const data = reader.take(count * width);
      duckdb.copy_data_to_vector(vector, 0, bufferOf(data), data.byteOffset, data.byteLength);
      return;
    }
    const lengths = Array.from({ length: count }, () => reader.uint32());
    lengths.forEach((length, row) => {
      const value = reader.take(length);
      if (mask === undefined || isSet(mask, row)) duckdb.vector_assign_string_element_len(vector, row, value);
    });
  });
  return chunk;
}

/** Takes a frame apart from its beginning on. */
export class InlineReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.byteLength) throw new Error("An inline frame ends too early");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  uint32(): number {
    const at = this.#at;
    this.take(4);
    return this.#view.getUint32(at, true);
  }

  /** The validity mask of a column of `count` values; undefined when all are valid. */
  mask(count: number): Uint8Array | undefined {
    return this.take(1)[0] === 1 ? this.take(maskBytes(count)) : undefined;
  }

  end(): void {
    if (this.#at !== this.#bytes.byteLength) throw new Error("An inline frame has more than its columns");
  }
}

/** The binding copies from plain buffers only. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) throw new Error("A frame lies in shared memory");
  return buffer;
}

function bytesOf(value: unknown): Buffer {
  if (value === null) return Buffer.alloc(0);
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes);
  throw new Error("A text column gave neither text nor a blob");
}

/** True when a mask says that a row has a value. */
export function isSet(mask: Uint8Array, row: number): boolean {
  return (((mask[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

function maskBytes(count: number): number {
  return Math.ceil(count / 8);
}

function uint32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, i * 4);
  });
  return bytes;
}
