import { type ColumnType, domainOf, formatColumnType } from "../column-type.ts";
import type { BoundPartitionExpression } from "../expression/bind.ts";
import { hashModulo, hashU64 } from "../hash/ahash.ts";
import { formatValue, type Value } from "../value.ts";

/** One column of a batch of rows. */
export interface ColumnBatch {
  readonly length: number;
  /**
   * The values: typed arrays for fixed widths (integers of up to 64 bits, days of a date, ticks of a timestamp,
   * floats), or a list of {@link Value}s. A value whose validity is 0 is not read.
   */
  readonly values:
    | Int8Array
    | Uint8Array
    | Int16Array
    | Uint16Array
    | Int32Array
    | Uint32Array
    | BigInt64Array
    | BigUint64Array
    | Float32Array
    | Float64Array
    | readonly Value[];
  /** One byte a row: 1 when there is a value. Absent: every row has one. */
  readonly validity?: Uint8Array;
}

/** A row whose partition cannot be computed here: overflow, or a text that has no such value. */
export class PartitionEvaluationError extends Error {
  override readonly name = "PartitionEvaluationError";
}

/**
 * The value of a partition expression for every row, in order: equal to what `duckdbSql` gives in DuckDB. Throws a
 * {@link PartitionEvaluationError} where DuckDB would fail too, or where only DuckDB can tell (casing beyond ASCII).
 */
export function evaluate(expression: BoundPartitionExpression, column: ColumnBatch): Value[] {
  const { transform } = expression;
  const type = expression.column.type;
  if (transform.kind === "bucket" && column.values instanceof BigInt64Array && isLong(type)) {
    return bucketLongs(transform.count, column.values, column.validity);
  }
  if (transform.kind === "bucket" && column.values instanceof Int32Array && isInt(type)) {
    return bucketInts(transform.count, column.values, column.validity);
  }
  const result: Value[] = new Array(column.length);
  const domain = domainOf(expression.type);
  const wide = type.kind !== "float" && type.kind !== "boolean";
  for (let i = 0; i < column.length; i++) {
    const raw = column.validity?.[i] === 0 ? null : (column.values[i] ?? null);
    const value = wide && typeof raw === "number" ? BigInt(raw) : raw;
    const out = expression.compiled.apply(value);
    if (out === undefined || (typeof out === "bigint" && !fits(out, domain))) {
      const shown = value === null ? "NULL" : formatValue(type, value);
      throw new PartitionEvaluationError(
        `${expression.text} has no ${formatColumnType(expression.type)} value for ${shown}`,
      );
    }
    result[i] = out;
  }
  return result;
}

/** As {@link evaluate}, as the canonical texts that name partitions. */
export function evaluateTexts(expression: BoundPartitionExpression, column: ColumnBatch): (string | null)[] {
  return evaluate(expression, column).map((value) =>
    value === null ? null : formatValue(expression.type, value),
  );
}

function fits(value: bigint, domain: { readonly min: bigint; readonly max: bigint } | undefined): boolean {
  return domain === undefined || (value >= domain.min && value <= domain.max);
}

const isLong = (type: ColumnType) =>
  (type.kind === "integer" && type.bits === 64) || type.kind === "timestamp" || type.kind === "time";
const isInt = (type: ColumnType) => (type.kind === "integer" && type.bits === 32) || type.kind === "date";

function bucketLongs(n: number, values: BigInt64Array, validity: Uint8Array | undefined): Value[] {
  // Two 32-bit words a value, the low one first (every platform that Node runs on here is little-endian).
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const names = Array.from({ length: Math.min(n, 65_536) }, (_, i) => BigInt(i));
  const result: Value[] = new Array(values.length);
  for (let i = 0; i < values.length; i++) {
    if (validity?.[i] === 0) result[i] = null;
    else {
      const bucket = hashModulo(hashU64(words[2 * i + 1]!, words[2 * i]!), n);
      result[i] = names[bucket] ?? BigInt(bucket);
    }
  }
  return result;
}

function bucketInts(n: number, values: Int32Array, validity: Uint8Array | undefined): Value[] {
  const result: Value[] = new Array(values.length);
  for (let i = 0; i < values.length; i++) {
    result[i] = validity?.[i] === 0 ? null : BigInt(hashModulo(hashU64(0, values[i]! >>> 0), n));
  }
  return result;
}
