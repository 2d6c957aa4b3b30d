import { type Bool, type Data, type DataType, type Int32, makeData, type Null } from "apache-arrow";
import { isValid, type RawVector } from "../duckdb/vector/raw-vector.ts";
import { type ColumnBuilder, GrowingBuffer } from "./column-builder.ts";
import { ValidityBuilder } from "./validity.ts";

/** Writes `count` values of a vector into `target` at `position` in Arrow's layout. */
type Convert = (vector: RawVector, start: number, count: number, target: Buffer, position: number) => void;

/** Types of one fixed width. */
export class FixedBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #width: number;
  readonly #convert: Convert;
  readonly #validity = new ValidityBuilder();
  readonly #values: GrowingBuffer;

  /** `width` is Arrow's width in bytes. */
  constructor(type: DataType, width: number, capacity: number, convert: Convert = copyBytes(width)) {
    this.#type = type;
    this.#width = width;
    this.#convert = convert;
    this.#values = new GrowingBuffer(width * capacity);
  }

  append(vector: RawVector, start: number, count: number): void {
    const values = this.#values;
    values.reserve(count * this.#width);
    this.#convert(vector, start, count, values.bytes, values.length);
    if (vector.validity !== null) this.#clearNulls(vector, start, count);
    values.length += count * this.#width;
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    return makeData({
      // One overload of many that do the same: the type decides how the bytes are read.
      type: this.#type as Int32,
      ...this.#validity.finish(),
      data: this.#values.finish(),
    });
  }

  reset(): void {
    this.#values.reset();
    this.#validity.reset();
  }

  /** What the engine left in the slot of a NULL is not for clients. */
  #clearNulls(vector: RawVector, start: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (isValid(vector, start + i)) continue;
      const at = this.#values.length + i * this.#width;
      this.#values.bytes.fill(0, at, at + this.#width);
    }
  }
}

function copyBytes(width: number): Convert {
  return ({ data }, start, count, target, position) => {
    target.set(data.subarray(start * width, (start + count) * width), position);
  };
}

/** Decimals of 16, 32 or 64 bits, sign-extended to 128. */
export function widenDecimal(bytes: 2 | 4 | 8): Convert {
  return ({ data }, start, count, target, position) => {
    const words = new Int32Array(target.buffer, target.byteOffset + position, count * 4);
    const values =
      bytes === 2
        ? new Int16Array(data.buffer, data.byteOffset + start * 2, count)
        : new Int32Array(data.buffer, data.byteOffset + start * bytes, (count * bytes) / 4);
    const step = bytes === 8 ? 2 : 1;
    for (let i = 0; i < count; i++) {
      const low = values[i * step]!;
      const high = bytes === 8 ? values[i * 2 + 1]! : low >> 31;
      const sign = high >> 31;
      words[i * 4] = low;
      words[i * 4 + 1] = high;
      words[i * 4 + 2] = sign;
      words[i * 4 + 3] = sign;
    }
  };
}

/** Months, days and microseconds become months, days and nanoseconds. */
export const widenInterval: Convert = (vector, start, count, target, position) => {
  const { data } = vector;
  copyBytes(16)(vector, start, count, target, position);
  const micros = new BigInt64Array(data.buffer, data.byteOffset + start * 16, count * 2);
  const nanos = new BigInt64Array(target.buffer, target.byteOffset + position, count * 2);
  for (let i = 0; i < count; i++) {
    if (!isValid(vector, start + i)) continue;
    const value = micros[i * 2 + 1]! * 1000n;
    if (BigInt.asIntN(64, value) !== value) {
      throw new RangeError("An INTERVAL is longer than Arrow's 292 years of nanoseconds; cast it to VARCHAR");
    }
    nanos[i * 2 + 1] = value;
  }
};

/** Booleans: a byte in the engine, a bit in Arrow. */
export class BoolBuilder implements ColumnBuilder {
  readonly #type: Bool;
  readonly #validity = new ValidityBuilder();
  #bits: Uint8Array;

  constructor(type: Bool, capacity: number) {
    this.#type = type;
    this.#bits = new Uint8Array((capacity + 7) >> 3);
  }

  append(vector: RawVector, start: number, count: number): void {
    const from = this.#validity.length;
    const needed = (from + count + 7) >> 3;
    if (needed > this.#bits.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bits.length));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    for (let i = 0; i < count; i++) {
      if (vector.data[start + i] !== 0 && isValid(vector, start + i)) {
        const at = from + i;
        this.#bits[at >> 3] = this.#bits[at >> 3]! | (1 << (at & 7));
      }
    }
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    return makeData({
      type: this.#type,
      ...this.#validity.finish(),
      data: this.#bits.subarray(0, (this.#validity.length + 7) >> 3),
    });
  }

  reset(): void {
    this.#bits.fill(0);
    this.#validity.reset();
  }
}

/** Columns of nothing but NULL. */
export class NullBuilder implements ColumnBuilder {
  readonly #type: Null;
  #length = 0;

  constructor(type: Null) {
    this.#type = type;
  }

  append(_vector: RawVector, _start: number, count: number): void {
    this.#length += count;
  }

  finish(): Data {
    return makeData({ type: this.#type, length: this.#length });
  }

  reset(): void {
    this.#length = 0;
  }
}
