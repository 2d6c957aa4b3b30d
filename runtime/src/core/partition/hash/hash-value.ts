import type { ColumnType } from "../column-type.ts";
import type { Value } from "../value.ts";
import { type Hash64, hashBytes, hashModulo, hashString, hashU64, hashU128 } from "./ahash.ts";

const encoder = new TextEncoder();
let scratch = new Uint8Array(1024);
const view = new DataView(new ArrayBuffer(8));

/** The hash that `bucket` takes modulo N. `undefined` for a type that bucket does not accept. */
export function hashValue(type: ColumnType, value: Exclude<Value, null>): Hash64 | undefined {
  switch (type.kind) {
    case "integer":
      return type.bits === 128 ? hash128(value as bigint) : hashNarrow(value as bigint, type.bits);
    case "decimal":
      return hash128(value as bigint);
    case "float":
      return hashFloat(value as number, type.bits);
    case "boolean":
      return hashU64(0, value === true ? 1 : 0);
    case "date":
      return hashNarrow(value as bigint, 32);
    case "time":
    case "timestamp":
      return hashNarrow(value as bigint, 64);
    case "varchar":
    case "uuid":
    case "enum":
      return hashText(value as string);
    case "blob":
      return hashBytes(value as Uint8Array);
    case "other":
      return undefined;
  }
}

/** `bucket(n, value)`; `undefined` for a type that bucket does not accept. */
export function bucketOf(n: number, type: ColumnType, value: Exclude<Value, null>): number | undefined {
  const hash = hashValue(type, value);
  return hash === undefined ? undefined : hashModulo(hash, n);
}

function hashNarrow(value: bigint, bits: number): Hash64 {
  const word = BigInt.asUintN(bits, value);
  return hashU64(Number(word >> 32n), Number(word & 0xffff_ffffn));
}

function hash128(value: bigint): Hash64 {
  const word = BigInt.asUintN(128, value);
  const part = (shift: bigint) => Number((word >> shift) & 0xffff_ffffn);
  return hashU128(part(0n), part(32n), part(64n), part(96n));
}

function hashFloat(value: number, bits: 32 | 64): Hash64 {
  if (bits === 32) {
    view.setFloat32(0, value);
    return hashU64(0, view.getUint32(0));
  }
  view.setFloat64(0, value);
  return hashU64(view.getUint32(0), view.getUint32(4));
}

function hashText(text: string): Hash64 {
  if (scratch.length < text.length * 3) scratch = new Uint8Array(text.length * 3);
  let i = 0;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) break;
    scratch[i] = code;
  }
  if (i === text.length) return hashString(scratch, i);
  const { written } = encoder.encodeInto(text, scratch);
  return hashString(scratch, written);
}
