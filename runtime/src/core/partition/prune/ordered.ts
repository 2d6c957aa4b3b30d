import type { ColumnType } from "../column-type.ts";
import type { Value } from "../value.ts";

/**
 * A value as something that sorts as the engine sorts it: bigint for everything discrete (a partition value may come
 * as a safe integer number instead: the two compare), number for floats, string for text, and for binary a string of
 * one character a byte.
 */
export type Ordered = bigint | number | string;

export function toOrdered(value: Exclude<Value, null>): Ordered {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof Uint8Array) return Array.from(value, (byte) => String.fromCharCode(byte)).join("");
  return value;
}

/** Back to a value of the type. */
export function fromOrdered(type: ColumnType, ordered: Ordered): Exclude<Value, null> {
  if (type.kind === "boolean") return ordered !== 0n;
  if (type.kind === "blob") return Uint8Array.from(ordered as string, (c) => c.charCodeAt(0));
  return ordered;
}

/** Negative, zero or positive. NaN is above every number and equal to itself; -0 equals 0; text goes by its UTF-8. */
export function compareOrdered(a: Ordered, b: Ordered): number {
  if (typeof a === "string" || typeof b === "string") return compareText(a as string, b as string);
  if (a < b) return -1;
  if (a > b) return 1;
  if (typeof a === "number" && typeof b === "number") {
    if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
    if (Number.isNaN(b)) return -1;
  }
  return 0;
}

/** By code point, which is the order of the UTF-8 bytes; JavaScript's own order is by UTF-16 unit. */
function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates (above U+FFFF) sort after every other unit.
    const high = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
    return high(x) - high(y);
  }
  return a.length - b.length;
}

/** The least text above every text that starts with `prefix`; `undefined` when there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
