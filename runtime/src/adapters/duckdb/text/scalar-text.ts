import {
  DuckDBIntervalValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBVariantValue,
  DuckDBVector,
} from "@duckdb/node-api";
import type { RawVector } from "../vector/raw-vector.ts";
import { StringVector } from "../vector/string-vector.ts";
import { isoDate, isoOffset, isoTime, isoTimestamp } from "./calendar.ts";
import { decimalText, doubleText, floatText, isExactNumber } from "./numbers.ts";

/** Writes one value of a vector; the row must not be NULL. */
export type CellText = (row: number) => string;

export interface ScalarText {
  readonly text: CellText;
  /** Whether the text of that row may stand in JSON without quotes. */
  readonly bare: (row: number) => boolean;
}

const always = () => true;
const never = () => false;

/** How the values of a vector of a scalar type read as text; `undefined` for nested types. */
export function scalarText(vector: RawVector): ScalarText | undefined {
  const { type } = vector;
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return { text: (row) => (vector.data[row] === 0 ? "false" : "true"), bare: always };
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER: {
      const values = smallIntegers(vector);
      return { text: (row) => String(values[row]), bare: always };
    }
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.DECIMAL: {
      const value = integers(vector);
      const scale = type.typeId === DuckDBTypeId.DECIMAL ? type.scale : 0;
      return {
        text: (row) => decimalText(value(row), scale),
        bare: (row) => isExactNumber(value(row), scale),
      };
    }
    case DuckDBTypeId.FLOAT: {
      const values = new Float32Array(vector.data.buffer, vector.data.byteOffset, vector.count);
      return { text: (row) => floatText(values[row]!), bare: (row) => Number.isFinite(values[row]) };
    }
    case DuckDBTypeId.DOUBLE: {
      const values = new Float64Array(vector.data.buffer, vector.data.byteOffset, vector.count);
      return { text: (row) => doubleText(values[row]!), bare: (row) => Number.isFinite(values[row]) };
    }
    default: {
      const text = quotedText(vector, type);
      return text === undefined ? undefined : { text, bare: never };
    }
  }
}

/** Types whose JSON form is always a string. */
function quotedText(vector: RawVector, type: DuckDBType): CellText | undefined {
  switch (type.typeId) {
    case DuckDBTypeId.VARCHAR: {
      const strings = new StringVector(vector);
      return (row) => strings.text(row);
    }
    case DuckDBTypeId.BLOB:
    case DuckDBTypeId.GEOMETRY: {
      const strings = new StringVector(vector);
      return (row) => strings.bytes(row).toString("hex");
    }
    case DuckDBTypeId.BIT: {
      const strings = new StringVector(vector);
      return (row) => bitText(strings.bytes(row));
    }
    case DuckDBTypeId.ENUM: {
      const values = smallIntegers(vector);
      return (row) => type.values[values[row]!]!;
    }
    case DuckDBTypeId.UUID: {
      const words = new BigUint64Array(vector.data.buffer, vector.data.byteOffset, vector.count * 2);
      return (row) => uuidText(words[row * 2 + 1]!, words[row * 2]!);
    }
    case DuckDBTypeId.INTERVAL: {
      const view = viewOf(vector);
      return (row) =>
        new DuckDBIntervalValue(
          view.getInt32(row * 16, true),
          view.getInt32(row * 16 + 4, true),
          view.getBigInt64(row * 16 + 8, true),
        ).toString();
    }
    case DuckDBTypeId.BIGNUM:
    case DuckDBTypeId.VARIANT: {
      const values = DuckDBVector.create(vector.handle, vector.count, type);
      return (row) => {
        const value = values.getItem(row);
        return value instanceof DuckDBVariantValue ? String(value.value) : String(value);
      };
    }
    default:
      return timeText(vector, type);
  }
}

function timeText(vector: RawVector, type: DuckDBType): CellText | undefined {
  if (type.typeId === DuckDBTypeId.DATE) {
    const days = new Int32Array(vector.data.buffer, vector.data.byteOffset, vector.count);
    return (row) => finite(days[row]!, 2 ** 31 - 1) ?? isoDate(days[row]!);
  }
  if (vector.data.byteLength !== vector.count * 8) return undefined;
  const values = new BigInt64Array(vector.data.buffer, vector.data.byteOffset, vector.count);
  const value = (row: number) => values[row]!;
  switch (type.typeId) {
    case DuckDBTypeId.TIME:
      return (row) => isoTime(value(row), 1_000_000n);
    case DuckDBTypeId.TIME_NS:
      return (row) => isoTime(value(row), 1_000_000_000n);
    case DuckDBTypeId.TIME_TZ:
      // The upper 40 bits are the time in microseconds, the lower 24 count down from the greatest offset.
      return (row) => {
        const bits = BigInt.asUintN(64, value(row));
        return isoTime(bits >> 24n, 1_000_000n) + isoOffset(57_599 - Number(bits & 0xff_ffffn));
      };
    case DuckDBTypeId.TIMESTAMP:
      return (row) => finiteLong(value(row)) ?? isoTimestamp(value(row), 1_000_000n);
    case DuckDBTypeId.TIMESTAMP_TZ:
      return (row) => finiteLong(value(row)) ?? `${isoTimestamp(value(row), 1_000_000n)}Z`;
    case DuckDBTypeId.TIMESTAMP_S:
      return (row) => finiteLong(value(row)) ?? isoTimestamp(value(row), 1n);
    case DuckDBTypeId.TIMESTAMP_MS:
      return (row) => finiteLong(value(row)) ?? isoTimestamp(value(row), 1000n);
    case DuckDBTypeId.TIMESTAMP_NS:
      return (row) => finiteLong(value(row)) ?? isoTimestamp(value(row), 1_000_000_000n);
    default:
      return undefined;
  }
}

/** Integers of at most 32 bits, and the indexes of an enum. */
function smallIntegers(vector: RawVector) {
  const { data, count, type } = vector;
  const { buffer, byteOffset } = data;
  switch (type.typeId) {
    case DuckDBTypeId.TINYINT:
      return new Int8Array(buffer, byteOffset, count);
    case DuckDBTypeId.SMALLINT:
      return new Int16Array(buffer, byteOffset, count);
    case DuckDBTypeId.INTEGER:
      return new Int32Array(buffer, byteOffset, count);
    default: {
      const width = count === 0 ? 1 : data.byteLength / count;
      if (width === 1) return new Uint8Array(buffer, byteOffset, count);
      return width === 2
        ? new Uint16Array(buffer, byteOffset, count)
        : new Uint32Array(buffer, byteOffset, count);
    }
  }
}

/** The unscaled value of an integer or decimal of any width. */
function integers(vector: RawVector): (row: number) => bigint {
  const { data, count, type } = vector;
  const { buffer, byteOffset } = data;
  switch (count === 0 ? 8 : data.byteLength / count) {
    case 2: {
      const values = new Int16Array(buffer, byteOffset, count);
      return (row) => BigInt(values[row]!);
    }
    case 4: {
      const values = new Int32Array(buffer, byteOffset, count);
      return (row) => BigInt(values[row]!);
    }
    case 8: {
      const unsigned = type.typeId === DuckDBTypeId.UBIGINT;
      const values = unsigned
        ? new BigUint64Array(buffer, byteOffset, count)
        : new BigInt64Array(buffer, byteOffset, count);
      return (row) => values[row]!;
    }
    default: {
      const low = new BigUint64Array(buffer, byteOffset, count * 2);
      const high =
        type.typeId === DuckDBTypeId.UHUGEINT ? low : new BigInt64Array(buffer, byteOffset, count * 2);
      return (row) => (high[row * 2 + 1]! << 64n) | low[row * 2]!;
    }
  }
}

function viewOf({ data }: RawVector): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function finite(value: number, infinity: number): string | undefined {
  return value === infinity ? "infinity" : value === -infinity ? "-infinity" : undefined;
}

function finiteLong(value: bigint): string | undefined {
  const infinity = 0x7fff_ffff_ffff_ffffn;
  return value === infinity ? "infinity" : value === -infinity ? "-infinity" : undefined;
}

/** The engine keeps a UUID as a signed number with the first bit flipped, so that it sorts as text does. */
function uuidText(high: bigint, low: bigint): string {
  const hex =
    (high ^ 0x8000_0000_0000_0000n).toString(16).padStart(16, "0") + low.toString(16).padStart(16, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The first byte says how many leading bits of the second are padding. */
function bitText(bytes: Buffer): string {
  let text = "";
  for (let i = 1; i < bytes.length; i++) text += bytes[i]!.toString(2).padStart(8, "0");
  return text.slice(bytes[0]);
}
