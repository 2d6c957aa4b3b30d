import type { Data } from "apache-arrow";
import type { RawVector } from "../duckdb/vector/raw-vector.ts";

/** Collects the rows of one column of one record batch after another. */
export interface ColumnBuilder {
  /** Add `count` rows of an engine vector from `start` on. Copies: nothing of the vector is kept. */
  append(vector: RawVector, start: number, count: number): void;
  /** The column, whose memory is the builder's: it ends with the next `reset`. */
  finish(): Data;
  /** Begin the next column. */
  reset(): void;
}

/** What a builder keeps for the next batch. */
const keptBytes = 4 << 20;

/** A buffer that grows, and serves again after a reset. */
export class GrowingBuffer {
  bytes: Buffer;
  length = 0;
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  reset(): void {
    this.length = 0;
    if (this.bytes.length > keptBytes) this.bytes = Buffer.allocUnsafeSlow(this.#capacity);
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
