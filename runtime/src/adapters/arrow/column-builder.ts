import type { Data } from "apache-arrow";
import type { RawVector } from "../duckdb/vector/raw-vector.ts";

/** Collects the rows of one column of one record batch. */
export interface ColumnBuilder {
  /** Add `count` rows of an engine vector from `start` on. Copies: nothing of the vector is kept. */
  append(vector: RawVector, start: number, count: number): void;
  /** The column; the builder is used up. */
  finish(): Data;
}

/** A buffer that grows; its bytes are handed over, never used again. */
export class GrowingBuffer {
  bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Make room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
