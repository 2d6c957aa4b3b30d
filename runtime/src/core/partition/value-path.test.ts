import { describe, expect, test } from "@jest/globals";
import { array, assert, constant, constantFrom, integer, oneof, property, string } from "fast-check";
import { partitionKey } from "./partition-key.ts";
import { pathSegment, valuePath } from "./value-path.ts";

const odd = constantFrom(
  "",
  ".",
  "..",
  "none",
  "__HIVE_DEFAULT_PARTITION__",
  "a/b",
  "../../etc/passwd",
  "x=y",
  "100%",
  "%2F",
  "line\nbreak",
  "😀",
  "\0",
  "~",
  `~${"0".repeat(64)}`,
  "C:\\x",
  "\u{feff}bom",
);
const anyText = oneof(odd, string({ unit: "binary" }), string({ unit: "grapheme", maxLength: 40 }));

describe("value paths", () => {
  test("any value has a name of one level that fits a file system", () => {
    assert(
      property(anyText, (value) => {
        const segment = pathSegment("region", value);
        expect(segment).toMatch(/^region=[A-Za-z0-9_.%~-]*$/);
        expect(segment.length).toBeLessThanOrEqual("region=".length + 200);
        expect([".", ".."]).not.toContain(segment.slice("region=".length));
      }),
      { numRuns: 500 },
    );
  });

  test("long values keep their beginning and are told apart by their hash", () => {
    const long = "ä".repeat(100);
    const first = pathSegment("n", long);
    expect(first).toMatch(/^n=(?:%C3%A4){16}~[0-9a-f]{64}$/);
    expect(pathSegment("n", `${long}x`)).not.toBe(first);
    expect(pathSegment("n", "a".repeat(200))).toBe(`n=${"a".repeat(200)}`);
  });

  test("distinct values have distinct names", () => {
    assert(
      property(array(anyText, { maxLength: 20 }), (values) => {
        const distinct = new Set(values);
        expect(new Set([...distinct].map((value) => pathSegment("n", value))).size).toBe(distinct.size);
        expect([...distinct].map((value) => pathSegment("n", value))).not.toContain(pathSegment("n", null));
      }),
    );
  });

  test("NULL, nesting, names", () => {
    expect(valuePath(["year", "region"], ["2026", null])).toBe("year=2026/region=__HIVE_DEFAULT_PARTITION__");
    expect(valuePath(["t"], ["2026-01-31T00:00:00Z"])).toBe("t=2026-01-31T00%3A00%3A00Z");
    expect(pathSegment("x", "__HIVE_DEFAULT_PARTITION__")).toBe("x=%5F_HIVE_DEFAULT_PARTITION__");
    expect(() => pathSegment("a/b", "x")).toThrow("Invalid partition name 'a/b'");
    expect(() => valuePath(["a"], [])).toThrow(RangeError);
  });
});

describe("partition keys", () => {
  test("any values come back", () => {
    assert(
      property(array(oneof(constant(null), anyText, integer().map(String)), { maxLength: 4 }), (values) => {
        expect(JSON.parse(partitionKey(values))).toEqual(values);
      }),
    );
  });
});
