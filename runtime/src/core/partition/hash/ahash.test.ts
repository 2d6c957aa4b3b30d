import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { type ColumnType, parseColumnType } from "../column-type.ts";
import type { Value } from "../value.ts";
import { hashModulo } from "./ahash.ts";
import { bucketOf, hashValue } from "./hash-value.ts";

const vectors = JSON.parse(readFileSync(new URL("./vectors/ahash.json", import.meta.url), "utf8")) as [
  string,
  string,
  string,
][];

const types: Record<string, string> = {
  i8: "TINYINT",
  i16: "SMALLINT",
  i32: "INTEGER",
  i64: "BIGINT",
  i128: "HUGEINT",
  u8: "UTINYINT",
  u16: "USMALLINT",
  u32: "UINTEGER",
  u64: "UBIGINT",
  u128: "UHUGEINT",
  f32: "FLOAT",
  f64: "DOUBLE",
  bool: "BOOLEAN",
  str: "VARCHAR",
  bytes: "BLOB",
};

function vectorValue(kind: string, text: string): Exclude<Value, null> {
  const bytes = () => Uint8Array.from(Buffer.from(text, "hex"));
  switch (kind) {
    case "f32":
      return new DataView(bytes().buffer).getFloat32(0);
    case "f64":
      return new DataView(bytes().buffer).getFloat64(0);
    case "bool":
      return text === "true";
    case "str":
      return new TextDecoder().decode(bytes());
    case "bytes":
      return bytes();
    default:
      return BigInt(text);
  }
}

function hash64(type: ColumnType, value: Exclude<Value, null>): bigint {
  const hash = hashValue(type, value)!;
  return (BigInt(hash.hi) << 32n) | BigInt(hash.lo);
}

describe("ahash, as the crate computes it", () => {
  for (const [kind, name] of Object.entries(types)) {
    test(`${kind} as ${name}`, () => {
      const rows = vectors.filter(([k]) => k === kind);
      expect(rows.length).toBeGreaterThan(1);
      const type = parseColumnType(name);
      const wrong = rows.filter(([, text, hash]) => hash64(type, vectorValue(kind, text)) !== BigInt(hash));
      expect(wrong).toEqual([]);
    });
  }

  test("known buckets", () => {
    expect(["a", "b", "c"].map((text) => bucketOf(5, { kind: "varchar" }, text))).toEqual([2, 1, 4]);
  });

  test("modulo agrees with 128-bit arithmetic for every allowed N", () => {
    for (const n of [1, 2, 3, 5, 7, 50, 999_983, 1_000_000]) {
      for (const [hi, lo] of [
        [0, 0],
        [0xffffffff, 0xffffffff],
        [0x12345678, 0x9abcdef0],
        [1, 0],
      ] as const) {
        expect(BigInt(hashModulo({ hi, lo }, n))).toBe(((BigInt(hi) << 32n) | BigInt(lo)) % BigInt(n));
      }
    }
  });
});
