import { describe, expect, test } from "@jest/globals";
import { decodeSelect, encodeSelect, WireTypeError, wireCodec } from "./wire-type.ts";

describe("wireCodec", () => {
  test.each(["INTEGER", "DECIMAL(38,2)", "VARCHAR[]", "STRUCT(a DATE, b BLOB[])", "MAP(VARCHAR, DOUBLE)"])(
    "%s goes as it is",
    (type) => {
      const codec = wireCodec(type);
      expect(codec.identity).toBe(true);
      expect(codec.encode("x")).toBe("x");
    },
  );

  test("accepts the names that SQL accepts", () => {
    expect(wireCodec("text")).toMatchObject({ wireType: "VARCHAR", identity: true });
    expect(wireCodec("timestamptz").wireType).toBe("TIMESTAMP WITH TIME ZONE");
    expect(wireCodec("int128")).toMatchObject({ wireType: "STRUCT(h BIGINT, l UBIGINT)", identity: false });
  });

  test("encodes inside lists, structs and maps", () => {
    expect(wireCodec("BIT[][]").encode("x")).toBe(
      "list_transform(x, lambda e0: list_transform(e0, lambda e1: CAST(e1 AS VARCHAR)))",
    );
    expect(wireCodec("MAP(INTEGER, BIT)").wireType).toBe("STRUCT(k INTEGER, v VARCHAR)[]");
    expect(wireCodec("STRUCT(a BIT, b INTEGER[])").wireType).toBe("STRUCT(f0 VARCHAR, f1 INTEGER[])");
  });

  test.each(["VARIANT", "STRUCT(a VARIANT[])", "AGGREGATE_STATE", "GEOMETRY('OGC:CRS84')"])(
    "%s is refused with what to do",
    (type) => {
      expect(() => wireCodec(type)).toThrow(WireTypeError);
      expect(() => wireCodec(type)).toThrow(/cast them to VARCHAR/);
    },
  );

  test("an unnamed struct cannot be a member of a fixed array", () => {
    expect(() => wireCodec("STRUCT(INTEGER, BIT)[2]")).toThrow(/give its fields names/);
  });
});

test("columns are positional on the wire and have their names back afterwards", () => {
  const columns = [
    { name: 'a"b', type: "INTEGER" },
    { name: 'a"b', type: "BIT" },
  ];
  expect(encodeSelect("SELECT 1, 2", columns)).toBe(
    "SELECT c0, CAST(c1 AS VARCHAR) AS c1 FROM (SELECT 1, 2\n) AS f(c0, c1)",
  );
  expect(decodeSelect("r", columns)).toBe('SELECT c0 AS "a""b", CAST(c1 AS BIT) AS "a""b" FROM r');
});
