import duckdb from "@duckdb/node-bindings";
import { isValid, type RawVector } from "./raw-vector.ts";

/** Strings up to this many bytes stand in the vector itself; longer ones behind a pointer. */
const inlineLimit = 12;

/**
 * Reads the bytes of a VARCHAR, BLOB or BIT vector. The long strings of a vector mostly lie near each other in the
 * engine's memory: then one view covers them all, instead of one call into the engine for each.
 */
export class StringVector {
  readonly #vector: RawVector;
  readonly #words: Uint32Array;
  readonly #inline: Buffer;
  /** Covers all long strings when they lie together; begins at `#base`. */
  readonly #span: Buffer | undefined;
  readonly #base: number;
  /** Bytes of all values that are not NULL, within the range that was asked for. */
  readonly totalBytes: number;

  constructor(vector: RawVector, start = 0, count = vector.count) {
    this.#vector = vector;
    const { buffer, byteOffset, byteLength } = vector.data;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >> 2);
    this.#inline = Buffer.from(buffer, byteOffset, byteLength);
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    let total = 0;
    let long = 0;
    for (let row = start; row < start + count; row++) {
      if (vector.validity !== null && !isValid(vector, row)) continue;
      const length = this.#words[row * 4]!;
      total += length;
      if (length <= inlineLimit) continue;
      long += length;
      const address = this.#address(row);
      if (address < low) low = address;
      if (address + length > high) high = address + length;
    }
    this.totalBytes = total;
    this.#base = low;
    const near = long > 0 && high - low <= Math.max(1 << 20, long * 8);
    this.#span = near ? viewAt(low, high - low) : undefined;
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
    const span = this.#span;
    if (span === undefined) return this.#fetch(row, length).toString("utf8", 0, length);
    const at = this.#address(row) - this.#base;
    return span.toString("utf8", at, at + length);
  }

  /** A view of the value's bytes. The row must not be NULL. */
  bytes(row: number): Buffer {
    const length = this.#words[row * 4]!;
    if (length <= inlineLimit) return this.#inline.subarray(row * 16 + 4, row * 16 + 4 + length);
    const span = this.#span;
    if (span === undefined) return this.#fetch(row, length);
    const at = this.#address(row) - this.#base;
    return span.subarray(at, at + length);
  }

  /** Copy the value to `target` at `position`; gives the position after it. The row must not be NULL. */
  copy(row: number, target: Buffer, position: number): number {
    const length = this.#words[row * 4]!;
    let source = this.#inline;
    let at = row * 16 + 4;
    if (length > inlineLimit) {
      const span = this.#span;
      source = span ?? this.#fetch(row, length);
      at = span === undefined ? 0 : this.#address(row) - this.#base;
      if (length > 48) {
        source.copy(target, position, at, at + length);
        return position + length;
      }
    }
    for (let i = 0; i < length; i++) target[position + i] = source[at + i]!;
    return position + length;
  }

  #address(row: number): number {
    return this.#words[row * 4 + 2]! + this.#words[row * 4 + 3]! * 2 ** 32;
  }

  #fetch(row: number, length: number): Buffer {
    const { buffer, byteOffset } = this.#vector.data;
    return asBuffer(duckdb.get_data_from_pointer(buffer as ArrayBuffer, byteOffset + row * 16 + 8, length));
  }
}

function viewAt(address: number, length: number): Buffer {
  const pointer = new BigUint64Array([BigInt(address)]);
  return asBuffer(duckdb.get_data_from_pointer(pointer.buffer, 0, length));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
