import type { Json } from "../../src/ports/database.ts";
import { isInexact, type ValueType } from "./type.ts";

/** How far two floating numbers may lie apart and still count as one. */
export interface Tolerance {
  readonly relative: number;
  /** Below this difference numbers are equal whatever their size: what cancellation leaves of a zero. */
  readonly absolute: number;
}

/** Spec chapter 11: 1e-9 relative for floating sums. */
export const defaultTolerance: Tolerance = { relative: 1e-9, absolute: 1e-12 };

/** Whether two values of one type are the same: NaN equals NaN, -0.0 equals 0.0, floats within the tolerance. */
export function equalValues(type: ValueType, a: Json, b: Json, tolerance: Tolerance): boolean {
  if (a === null || b === null) return a === b;
  if (!isInexact(type)) return canonical(type, a) === canonical(type, b);
  switch (type.kind) {
    case "float":
      return equalFloats(floatOf(a), floatOf(b), tolerance);
    case "list": {
      const [x, y] = [items(a), items(b)];
      return x.length === y.length && x.every((v, i) => equalValues(type.item, v, y[i]!, tolerance));
    }
    case "struct":
      return type.fields.every(([name, field]) =>
        equalValues(field, member(a, name), member(b, name), tolerance),
      );
    case "map": {
      const [x, y] = [items(a), items(b)];
      const entry: ValueType = {
        kind: "struct",
        fields: [
          ["key", type.key],
          ["value", type.value],
        ],
      };
      return x.length === y.length && x.every((v, i) => equalValues(entry, v, y[i]!, tolerance));
    }
    default:
      return false;
  }
}

/** One text for all spellings of an exact value: `1.50` and 1.5 of a decimal, `T` or a space in a timestamp. */
export function canonical(type: ValueType, value: Json): string {
  if (value === null) return "NULL";
  switch (type.kind) {
    case "integer":
      return typeof value === "string" ? value : BigInt(value as number).toString();
    case "decimal":
      return canonicalDecimal(typeof value === "number" ? value.toFixed(type.scale) : String(value));
    case "float": {
      const number = floatOf(value);
      return String(number === 0 ? 0 : number);
    }
    case "time":
      return String(value)
        .replace("T", " ")
        .replace(/(Z|[+]00(:00)?)$/, "")
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");
    case "list":
      return `[${items(value)
        .map((v) => quoted(type.item, v))
        .join(",")}]`;
    case "map":
      return `{${items(value)
        .map((v) => `${quoted(type.key, member(v, "key"))}:${quoted(type.value, member(v, "value"))}`)
        .join(",")}}`;
    case "struct":
      return `{${type.fields.map(([name, field]) => `${name}:${quoted(field, member(value, name))}`).join(",")}}`;
    case "boolean":
    case "text":
      return String(value);
    case "opaque":
      return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

/**
 * Order of two values as DuckDB sorts them ascending: NaN above all numbers, text by its UTF-8 bytes; floats within the
 * tolerance are equal. NULL is the caller's business. Only for types with `isSortable`.
 */
export function orderValues(type: ValueType, a: Json, b: Json, tolerance: Tolerance): number {
  switch (type.kind) {
    case "float": {
      const [x, y] = [floatOf(a), floatOf(b)];
      if (equalFloats(x, y, tolerance)) return 0;
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
      return x < y ? -1 : 1;
    }
    case "integer": {
      const [x, y] = [BigInt(a as string | number), BigInt(b as string | number)];
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case "decimal": {
      const [x, y] = [scaled(type.scale, a), scaled(type.scale, b)];
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case "boolean":
      return Number(a) - Number(b);
    default:
      return Buffer.compare(Buffer.from(canonical(type, a)), Buffer.from(canonical(type, b)));
  }
}

export function isSortable(type: ValueType): boolean {
  return ["float", "integer", "decimal", "boolean", "time", "text"].includes(type.kind);
}

/** A floating number as JSON spells it: numbers, and words for what JSON lacks. */
export function floatOf(value: Json): number {
  if (typeof value === "number") return value;
  const word = String(value).toLowerCase();
  if (/^[+]?inf(inity)?$/.test(word)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(word)) return Number.NEGATIVE_INFINITY;
  return Number(word);
}

function equalFloats(a: number, b: number, tolerance: Tolerance): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
  const apart = Math.abs(a - b);
  return apart <= tolerance.absolute || apart <= tolerance.relative * Math.max(Math.abs(a), Math.abs(b));
}

function canonicalDecimal(text: string): string {
  const trimmed = text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  return trimmed === "-0" ? "0" : trimmed;
}

function scaled(scale: number, value: Json): bigint {
  const text = typeof value === "number" ? value.toFixed(scale) : String(value);
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0").slice(0, scale));
}

function quoted(type: ValueType, value: Json): string {
  return value === null ? "NULL" : JSON.stringify(canonical(type, value));
}

function items(value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw new TypeError(`Expected a list, got ${JSON.stringify(value)}`);
  return value;
}

function member(value: Json, name: string): Json {
  if (value === null) return null;
  if (typeof value !== "object" || Array.isArray(value) || !(name in value))
    throw new TypeError(`Expected an object with ${name}, got ${JSON.stringify(value)}`);
  return value[name]!;
}
