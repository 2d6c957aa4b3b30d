import duckdb from "@duckdb/node-bindings";
import { counted, isValid, type RawVector } from "./raw-vector.ts";

/** Strings up to this many bytes stand in the vector itself; longer ones behind a pointer. */
const inlineLimit = 12;
/** Strings this near to each other are read through one view: about the engine's blocks. */
const nearBytes = 256 * 1024;
/** More stretches of memory than this are a scattered vector. */
const maxSpans = 16;

/** A stretch of the engine's memory that holds strings of one vector; only those bytes of it are ever read. */
interface Span {
  low: number;
  high: number;
  view: Buffer;
}

const noView = Buffer.alloc(0);

/**
 * Reads the bytes of a VARCHAR, BLOB or BIT vector. The long strings of a vector mostly lie together in a few blocks
 * of the engine: then one view for each block covers them, instead of one call into the engine for each string.
 */
export class StringVector {
  readonly #vector: RawVector;
  readonly #words: Uint32Array;
  readonly #inline: Buffer;
  readonly #spans: Span[] = [];
  /** Where the last string was: the next one is mostly there too. */
  #last: Span | undefined;
  /** Bytes of all values that are not NULL, within the range that was asked for. */
  readonly totalBytes: number;

  constructor(vector: RawVector, start = 0, count = vector.count) {
    this.#vector = vector;
    const { buffer, byteOffset, byteLength } = vector.data;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >> 2);
    this.#inline = Buffer.from(buffer, byteOffset, byteLength);
    let total = 0;
    for (let row = start; row < start + count; row++) {
      if (vector.validity !== null && !isValid(vector, row)) continue;
      const length = this.#words[row * 4]!;
      total += length;
      if (length > inlineLimit) this.#cover(this.#address(row), length);
    }
    this.totalBytes = total;
    for (const span of this.#spans) span.view = viewAt(span.low, span.high - span.low);
  }

  /** Bytes of the values of some rows that are not NULL. */
  static totalBytes(vector: RawVector, start: number, count: number): number {
    const words = new Uint32Array(vector.data.buffer, vector.data.byteOffset, vector.data.byteLength >> 2);
    let total = 0;
    for (let row = start; row < start + count; row++) {
      if (vector.validity === null || isValid(vector, row)) total += words[row * 4]!;
    }
    return total;
  }

  /** The value as text. The row must not be NULL. */
  text(row: number): string {
    const length = this.#words[row * 4]!;
    if (length <= inlineLimit) return this.#inline.toString("utf8", row * 16 + 4, row * 16 + 4 + length);
    const address = this.#address(row);
    const span = this.#spanOf(address, length);
    if (span === undefined) return this.#fetch(row, length).toString("utf8");
    return span.view.toString("utf8", address - span.low, address - span.low + length);
  }

  /** A view of the value's bytes. The row must not be NULL. */
  bytes(row: number): Buffer {
    const length = this.#words[row * 4]!;
    if (length <= inlineLimit) return this.#inline.subarray(row * 16 + 4, row * 16 + 4 + length);
    const address = this.#address(row);
    const span = this.#spanOf(address, length);
    if (span === undefined) return this.#fetch(row, length);
    return span.view.subarray(address - span.low, address - span.low + length);
  }

  /** Copy the value to `target` at `position`; gives the position after it. The row must not be NULL. */
  copy(row: number, target: Buffer, position: number): number {
    const length = this.#words[row * 4]!;
    let source = this.#inline;
    let at = row * 16 + 4;
    if (length > inlineLimit) {
      const address = this.#address(row);
      const span = this.#spanOf(address, length);
      source = span === undefined ? this.#fetch(row, length) : span.view;
      at = span === undefined ? 0 : address - span.low;
      if (length > 64) {
        source.copy(target, position, at, at + length);
        return position + length;
      }
    }
    for (let i = 0; i < length; i++) target[position + i] = source[at + i]!;
    return position + length;
  }

  /** Make a span hold the string, unless the vector is scattered. */
  #cover(address: number, length: number): void {
    const end = address + length;
    const near = (span: Span) => end >= span.low - nearBytes && address <= span.high + nearBytes;
    let span = this.#last;
    if (span === undefined || !near(span)) span = this.#spans.find(near);
    if (span === undefined) {
      if (this.#spans.length === maxSpans) return;
      span = { low: address, high: end, view: noView };
      this.#spans.push(span);
    }
    if (address < span.low) span.low = address;
    if (end > span.high) span.high = end;
    this.#last = span;
  }

  #spanOf(address: number, length: number): Span | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.low && address + length <= last.high) return last;
    const span = this.#spans.find(({ low, high }) => address >= low && address + length <= high);
    if (span !== undefined) this.#last = span;
    return span;
  }

  #address(row: number): number {
    return this.#words[row * 4 + 2]! + this.#words[row * 4 + 3]! * 2 ** 32;
  }

  #fetch(row: number, length: number): Buffer {
    const { buffer, byteOffset } = this.#vector.data;
    return asBuffer(
      counted(duckdb.get_data_from_pointer(buffer as ArrayBuffer, byteOffset + row * 16 + 8, length)),
    );
  }
}

function viewAt(address: number, length: number): Buffer {
  const pointer = new BigUint64Array([BigInt(address)]);
  return asBuffer(counted(duckdb.get_data_from_pointer(pointer.buffer, 0, length)));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
