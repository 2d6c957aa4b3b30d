import { isValid, type RawVector } from "../duckdb/vector/raw-vector.ts";

/** Collects the validity bits of one Arrow column; costs nothing while there are no NULLs. */
export class ValidityBuilder {
  #bits: Uint8Array | undefined;
  #length = 0;
  #nullCount = 0;

  /** Values so far: those of the column. */
  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#bits = undefined;
    this.#length = 0;
    this.#nullCount = 0;
  }

  append(vector: RawVector, start: number, count: number): void {
    if (vector.validity === null) this.#appendValid(count);
    else this.#appendMask(vector, vector.validity, start, count);
  }

  /** What Arrow wants to know of every column; the bitmap is `null` when nothing was NULL. */
  finish(): { readonly length: number; readonly nullCount: number; readonly nullBitmap: Uint8Array | null } {
    const nullBitmap = this.#bits === undefined ? null : this.#bits.subarray(0, (this.#length + 7) >> 3);
    return { length: this.#length, nullCount: this.#nullCount, nullBitmap };
  }

  #appendValid(count: number): void {
    if (this.#bits !== undefined) {
      this.#reserve(count);
      // Fresh bytes are all ones, and the bits after the end stay ones: nothing to set.
    }
    this.#length += count;
  }

  #appendMask(vector: RawVector, mask: Uint8Array, start: number, count: number): void {
    const bits = this.#reserve(count);
    const aligned = ((this.#length | start) & 7) === 0;
    const whole = aligned ? count >> 3 : 0;
    for (let i = 0; i < whole; i++) {
      const byte = mask[(start >> 3) + i]!;
      bits[(this.#length >> 3) + i] = byte;
      if (byte !== 0xff) this.#nullCount += 8 - ones(byte);
    }
    for (let i = whole * 8; i < count; i++) {
      if (isValid(vector, start + i)) continue;
      const at = this.#length + i;
      bits[at >> 3] = bits[at >> 3]! & ~(1 << (at & 7));
      this.#nullCount += 1;
    }
    this.#length += count;
  }

  #reserve(count: number): Uint8Array {
    const needed = (this.#length + count + 7) >> 3;
    if (this.#bits === undefined || this.#bits.length < needed) {
      const larger = new Uint8Array(Math.max(needed, 2 * (this.#bits?.length ?? 1024))).fill(0xff);
      if (this.#bits !== undefined) larger.set(this.#bits);
      this.#bits = larger;
    }
    return this.#bits;
  }
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
