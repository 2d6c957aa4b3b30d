import { describe, expect, test } from "@jest/globals";
import type { ComparisonOperator, Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { bindPartitionBy } from "../bind.ts";
import { parseColumnType } from "../column-type.ts";
import { bucketOf } from "../hash-value.ts";
import { prunePartitions } from "./prune-partitions.ts";

const columns = [
  { name: "id", type: "BIGINT", nullable: true },
  { name: "n", type: "INTEGER", nullable: true },
  { name: "s", type: "VARCHAR", nullable: true },
  { name: "d", type: "DATE", nullable: true },
  { name: "t", type: "TIMESTAMP", nullable: true },
  { name: "z", type: "TIMESTAMP WITH TIME ZONE", nullable: true },
  { name: "f", type: "DOUBLE", nullable: true },
];
const typeOf = (name: string) => columns.find((column) => column.name === name)!.type;
const col = (name: string): Scalar => ({ kind: "column", name, type: typeOf(name) });
const lit = (value: string | number | null, type?: string): Scalar => ({
  kind: "literal",
  type: type ?? (typeof value === "number" ? "INTEGER" : "VARCHAR"),
  value: value === null ? null : String(value),
});
const call = (name: string, ...args: Scalar[]): Scalar => ({ kind: "call", name, args });
const cast = (operand: Scalar, type: string): Scalar => ({ kind: "cast", operand, type });
const modulo = (left: Scalar, right: number): Scalar => ({
  kind: "arithmetic",
  op: "%",
  left,
  right: lit(right),
});
const is = (left: Scalar, op: ComparisonOperator, right: Scalar): Predicate => ({
  kind: "compare",
  op,
  left,
  right,
});
const isIn = (value: Scalar, ...list: Scalar[]): Predicate => ({ kind: "in", value, list });
const and = (...terms: Predicate[]): Predicate => ({ kind: "and", terms });
const or = (...terms: Predicate[]): Predicate => ({ kind: "or", terms });
const not = (term: Predicate): Predicate => ({ kind: "not", term });
const between = (value: Scalar, low: Scalar, high: Scalar, symmetric = false): Predicate => ({
  kind: "between",
  value,
  low,
  high,
  symmetric,
});
const isNull = (value: Scalar): Predicate => ({ kind: "is-null", value });
const like = (value: Scalar, pattern: string): Predicate => ({ kind: "like", value, pattern });
const date = (text: string) => lit(text, "DATE");
const stamp = (text: string) => lit(text, "TIMESTAMP");

type Values = readonly (string | null)[];
/** The values kept of a table that is partitioned by one expression. */
function kept(sql: string, values: Values, predicate: Predicate): (string | null)[] {
  const keys = bindPartitionBy([{ name: "expr0", sql }], columns);
  const partitions = values.map((value) => ({ values: [value] }));
  return prunePartitions(keys, partitions, predicate).kept.map((i) => values[i]!);
}
const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const bucketsOf = (n: number, column: string, ...values: (bigint | string)[]) =>
  [...new Set(values.map((value) => String(bucketOf(n, parseColumnType(typeOf(column)), value)!)))].sort();

describe("the table: a plain column", () => {
  const values = ["1", "2", "3", "10", null];
  const n = col("n");
  test.each<[string, Predicate, Values]>([
    ["=", is(n, "=", lit(2)), ["2"]],
    ["IN", isIn(n, lit(1), lit(10), lit(99)), ["1", "10"]],
    ["OR of =", or(is(n, "=", lit(1)), is(n, "=", lit(3))), ["1", "3"]],
    ["<>", is(n, "<>", lit(2)), ["1", "3", "10"]],
    ["NOT IN", not(isIn(n, lit(1), lit(2))), ["3", "10"]],
    ["NOT IN with NULL", not(isIn(n, lit(1), lit(null, "INTEGER"))), []],
    ["<", is(n, "<", lit(3)), ["1", "2"]],
    ["<=", is(n, "<=", lit(3)), ["1", "2", "3"]],
    [">", is(n, ">", lit(3)), ["10"]],
    [">=", is(n, ">=", lit(3)), ["3", "10"]],
    ["BETWEEN", between(n, lit(2), lit(5)), ["2", "3"]],
    ["NOT BETWEEN", not(between(n, lit(2), lit(5))), ["1", "10"]],
    ["IS NULL", isNull(n), [null]],
    ["IS NOT NULL", not(isNull(n)), ["1", "2", "3", "10"]],
    ["= NULL", is(n, "=", lit(null, "INTEGER")), []],
    ["IS DISTINCT FROM", { kind: "is-distinct", left: n, right: lit(2) }, ["1", "3", "10", null]],
    ["IS NOT DISTINCT FROM", not({ kind: "is-distinct", left: lit(2), right: n }), ["2"]],
    ["a constant falsehood", is(lit(1), "=", lit(2)), []],
    ["a decimal that no integer is", is(n, "=", lit("2.5", "DECIMAL(2,1)")), []],
    ["a decimal bound", is(n, ">", lit("2.5", "DECIMAL(2,1)")), ["3", "10"]],
    ["a cast of the column", is(cast(n, "DOUBLE"), "<", lit("2.5", "DOUBLE")), ["1", "2"]],
    ["a function of the column", is(modulo(n, 5), "=", lit(0)), ["10"]],
    ["OR with something unknown", or(is(n, "=", lit(1)), { kind: "unknown" }), values],
    ["AND with something unknown", and(is(n, "=", lit(1)), { kind: "unknown" }), ["1"]],
    ["another column", is(col("id"), "=", lit(1)), values],
  ])("%s", (_, predicate, expected) => {
    expect(kept("n", values, predicate)).toEqual(expected);
  });
});

describe("the table: bucket", () => {
  const values = [...range(0, 49), null];
  const id = col("id");
  const at = (...ids: bigint[]) => bucketsOf(50, "id", ...ids);
  const sorted = (predicate: Predicate, sql = "bucket(50, id)") => kept(sql, values, predicate).sort();
  test.each<[string, Predicate, Values]>([
    ["=", is(id, "=", lit(42)), at(42n)],
    ["IN", isIn(id, lit(1), lit(2), lit(3)), at(1n, 2n, 3n)],
    ["OR of =", or(is(id, "=", lit(1)), is(id, "=", lit(2))), at(1n, 2n)],
    ["both bounds", and(is(id, ">=", lit(10)), is(id, "<", lit(14))), at(10n, 11n, 12n, 13n)],
    ["BETWEEN", between(id, lit(-2), lit(1)), at(-2n, -1n, 0n, 1n)],
    ["bounds without an integer between", and(is(id, ">", lit(3)), is(id, "<", lit(4))), []],
    ["bucket = v", is(call("bucket", lit(50), id), "=", lit(7)), ["7"]],
    ["bucket IN", isIn(call("bucket", lit(50), id), lit(7), lit(9)), ["7", "9"]],
    ["bucket <", is(call("bucket", lit(50), id), "<", lit(2)), ["0", "1"]],
    ["IS NULL", isNull(id), [null]],
    ["bucket IS NULL", isNull(call("bucket", lit(50), id)), [null]],
  ])("%s", (_, predicate, expected) => {
    expect(sorted(predicate)).toEqual([...expected].sort());
  });

  test.each<[string, Predicate]>([
    ["<>", is(id, "<>", lit(42))],
    ["NOT IN", not(isIn(id, lit(1)))],
    ["one bound", is(id, "<", lit(42))],
    ["a span of more than 10,000", between(id, lit(0), lit(10_000))],
    ["IS NOT NULL", not(isNull(id))],
  ])("%s keeps every bucket but that of NULL", (_, predicate) => {
    expect(sorted(predicate)).toEqual(range(0, 49).sort());
  });

  test("10,000 integers are tried", () => {
    const many = kept("bucket(1000000, id)", range(0, 999_999), between(id, lit(1), lit(10_000)));
    expect(many.length).toBeGreaterThan(9_800);
    expect(many.length).toBeLessThanOrEqual(10_000);
  });

  test("strings", () => {
    expect(kept("bucket(5, s)", range(0, 4), isIn(col("s"), lit("a"), lit("b"), lit("c")))).toEqual([
      "1",
      "2",
      "4",
    ]);
  });
});

describe("the table: truncate, date_trunc and %", () => {
  const id = col("id");
  const tens = ["-20", "-10", "0", "10", "20", null];
  test.each<[string, Predicate, Values]>([
    ["=", is(id, "=", lit(-1)), ["-10"]],
    ["IN", isIn(id, lit(5), lit(25)), ["0", "20"]],
    ["<>", is(id, "<>", lit(5)), ["-20", "-10", "0", "10", "20"]],
    ["<", is(id, "<", lit(0)), ["-20", "-10"]],
    ["<=", is(id, "<=", lit(0)), ["-20", "-10", "0"]],
    [">", is(id, ">", lit(9)), ["10", "20"]],
    [">=", is(id, ">=", lit(9)), ["0", "10", "20"]],
    ["BETWEEN", between(id, lit(-11), lit(0)), ["-20", "-10", "0"]],
    ["expression = v", is(call("truncate", lit(10), id), "=", lit(10)), ["10"]],
    ["expression < v", is(call("truncate", lit(10), id), "<", lit(0)), ["-20", "-10"]],
    ["IS NULL", isNull(id), [null]],
  ])("truncate, %s", (_, predicate, expected) => {
    expect(kept("truncate(10, id)", tens, predicate)).toEqual(expected);
  });

  const months = ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", null];
  const t = col("t");
  test.each<[string, Predicate, Values]>([
    ["=", is(t, "=", stamp("2024-02-29 23:59:59.999999")), months.slice(1, 2)],
    ["<", is(t, "<", stamp("2024-02-01 00:00:00")), months.slice(0, 1)],
    ["<=", is(t, "<=", stamp("2024-02-01 00:00:00")), months.slice(0, 2)],
    [">=", is(t, ">=", stamp("2024-02-29 00:00:00")), months.slice(1, 3)],
    ["a date", is(t, ">", date("2024-02-29")), months.slice(1, 3)],
    ["a date as text", is(t, ">=", lit("2024-03-01")), months.slice(2, 3)],
    [
      "expression = v",
      is(call("date_trunc", lit("month"), t), "=", stamp("2024-03-01 00:00:00")),
      months.slice(2, 3),
    ],
    ["year of the column", is(call("year", t), "=", lit(2023)), []],
    [
      "day of the column",
      is(call("date_trunc", lit("day"), t), "=", stamp("2024-02-29 00:00:00")),
      months.slice(1, 2),
    ],
    ["the column as a date", is(cast(t, "DATE"), "=", date("2024-03-31")), months.slice(2, 3)],
  ])("date_trunc, %s", (_, predicate, expected) => {
    expect(kept("date_trunc('month', t)", months, predicate)).toEqual(expected);
  });

  const remainders = ["-4", "-3", "-2", "-1", "0", "1", "2", "3", "4", null];
  test.each<[string, Predicate, Values]>([
    ["=", is(id, "=", lit(-7)), ["-2"]],
    ["IN", isIn(id, lit(7), lit(8)), ["2", "3"]],
    ["<>", is(id, "<>", lit(3)), remainders.slice(0, 9)],
    ["bounded, fewer than N", between(id, lit(13), lit(15)), ["0", "3", "4"]],
    ["across zero", between(id, lit(-1), lit(1)), ["-1", "0", "1"]],
    ["positive", is(id, ">", lit(0)), ["0", "1", "2", "3", "4"]],
    ["negative", is(id, "<", lit(0)), ["-4", "-3", "-2", "-1", "0"]],
    [">= 0", is(id, ">=", lit(0)), ["0", "1", "2", "3", "4"]],
    ["expression = v", is(modulo(id, 5), "=", lit(4)), ["4"]],
    ["expression >= v", is(modulo(id, 5), ">=", lit(3)), ["3", "4"]],
  ])("%%, %s", (_, predicate, expected) => {
    expect(kept("id % 5", remainders, predicate)).toEqual(expected);
  });
});

describe("beyond", () => {
  const years = ["2023", "2024", "2025", "2026", null];
  const d = col("d");
  const t = col("t");
  test.each<[string, string, Values, Predicate, Values]>([
    [
      "a range of the column prunes its year (infinite dates have none)",
      "year(d)",
      years,
      is(d, ">=", date("2024-12-31")),
      ["2024", "2025", "2026", null],
    ],
    [
      "… and a timestamp's",
      "year(t)",
      years,
      and(is(t, ">=", stamp("2025-01-01 00:00:00")), is(t, "<", stamp("2026-01-01 00:00:00"))),
      ["2025"],
    ],
    [
      "a predicate on the year",
      "year(d)",
      years,
      is(call("date_part", lit("YEAR"), d), ">=", lit(2026, "BIGINT")),
      ["2026"],
    ],
    [
      "a short range prunes the month",
      "month(d)",
      range(1, 12),
      between(d, date("2025-11-15"), date("2026-01-02")),
      ["1", "11", "12"],
    ],
    [
      "a month-long range prunes the day",
      "day(d)",
      range(1, 31),
      between(d, date("2024-02-27"), date("2024-03-01")),
      ["1", "27", "28", "29"],
    ],
    ["= prunes the month", "month(d)", range(1, 12), is(d, "=", date("2024-02-29")), ["2"]],
    [
      "LIKE prefix on truncate",
      "truncate(2, s)",
      ["", "a", "aa", "ab", "ac", "b", null],
      like(col("s"), "ab%"),
      ["ab"],
    ],
    [
      "a shorter LIKE prefix",
      "truncate(2, s)",
      ["", "a", "aa", "ab", "ac", "b", null],
      like(col("s"), "a%"),
      ["a", "aa", "ab", "ac"],
    ],
    ["a longer LIKE prefix", "truncate(2, s)", ["ab", "ac"], like(col("s"), "abc%"), ["ab"]],
    [
      "LIKE with a hole, on a plain column",
      "s",
      ["abc", "abd", "axc"],
      like(col("s"), "a_c"),
      ["abc", "axc"],
    ],
    ["NOT LIKE on a plain column", "s", ["abc", "b", null], not(like(col("s"), "a%")), ["b"]],
    [
      "string ranges on truncate",
      "truncate(1, s)",
      ["a", "b", "c"],
      is(col("s"), ">=", lit("b")),
      ["b", "c"],
    ],
    ["< the start of a prefix", "truncate(1, s)", ["a", "b", "c"], is(col("s"), "<", lit("b")), ["a"]],
    ["literal op column", "truncate(10, id)", ["0", "10", "20"], is(lit(15), "<", col("id")), ["10", "20"]],
    ["BETWEEN SYMMETRIC", "n", range(1, 9), between(col("n"), lit(5), lit(3), true), ["3", "4", "5"]],
    [
      "NOT over AND",
      "n",
      range(1, 5),
      not(and(is(col("n"), ">", lit(1)), is(col("n"), "<", lit(5)))),
      ["1", "5"],
    ],
    [
      "NOT over OR",
      "n",
      range(1, 5),
      not(or(is(col("n"), "=", lit(1)), is(col("n"), "=", lit(5)))),
      ["2", "3", "4"],
    ],
    [
      "a widened column inside the expression",
      "n % 5",
      range(0, 4),
      is(modulo(cast(col("n"), "BIGINT"), 5), "=", lit(4)),
      ["4"],
    ],
    [
      "date_trunc of a column cast to a timestamp",
      "date_trunc('day', d)",
      ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"],
      is(call("date_trunc", lit("day"), cast(d, "TIMESTAMP")), "=", stamp("2024-01-02 00:00:00")),
      ["2024-01-02T00:00:00Z"],
    ],
    [
      "a predicate over the expression alone",
      "date_trunc('day', t)",
      ["2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z"],
      is(call("day", call("date_trunc", lit("day"), t)), "=", lit(29)),
      ["2024-02-29T00:00:00Z"],
    ],
    [
      "another function of the column, by equality",
      "lower(s)",
      ["eu", "us"],
      is(col("s"), "=", lit("EU")),
      ["eu"],
    ],
    [
      "another function, by its value",
      "lower(s)",
      ["eu", "us"],
      is(call("lower", col("s")), "=", lit("us")),
      ["us"],
    ],
    [
      "a boolean column expression",
      "starts_with(s, 'a')",
      ["true", "false"],
      { kind: "boolean", value: call("starts_with", col("s"), lit("a")) },
      ["true"],
    ],
    [
      "… and its negation",
      "starts_with(s, 'a')",
      ["true", "false"],
      not({ kind: "boolean", value: call("starts_with", col("s"), lit("a")) }),
      ["false"],
    ],
  ])("%s", (_, sql, values, predicate, expected) => {
    expect(kept(sql, values, predicate)).toEqual(expected);
  });

  test("AND across keys: each level on its own, and alternatives keep their pairs", () => {
    const keys = bindPartitionBy(
      [
        { name: "region", sql: "s" },
        { name: "year", sql: "year(d)" },
      ],
      columns,
    );
    const partitions = ["eu", "us", null].flatMap((region) =>
      ["2025", "2026"].map((year) => ({ values: [region, year] })),
    );
    const run = (predicate: Predicate) =>
      prunePartitions(keys, partitions, predicate).kept.map((i) => partitions[i]!.values);
    const eu = is(col("s"), "=", lit("eu"));
    const us = is(col("s"), "=", lit("us"));
    expect(run(and(eu, is(d, ">=", date("2026-01-01"))))).toEqual([["eu", "2026"]]);
    expect(
      run(or(and(eu, is(d, ">=", date("2026-01-01"))), and(us, is(d, "<", date("2026-01-01"))))),
    ).toEqual([
      ["eu", "2026"],
      ["us", "2025"],
    ]);
    expect(run(and(or(eu, us), is(call("year", d), "=", lit(2025))))).toEqual([
      ["eu", "2025"],
      ["us", "2025"],
    ]);
  });
});

describe("known traps", () => {
  test("reversed operands", () => {
    expect(kept("n", range(1, 5), is(lit(2), ">", col("n")))).toEqual(["1"]);
    expect(kept("n", range(1, 5), is(lit(2), "<=", col("n")))).toEqual(["2", "3", "4", "5"]);
  });
  test("calendar months and leap years", () => {
    const months = ["2023-02-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"];
    expect(kept("date_trunc('month', t)", months, is(col("t"), "=", stamp("2024-01-31 12:00:00")))).toEqual([
      months[1],
    ]);
    expect(kept("date_trunc('month', t)", months, is(col("t"), ">=", stamp("2024-02-29 00:00:00")))).toEqual([
      months[2],
    ]);
    const years = ["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"];
    expect(kept("date_trunc('year', t)", years, is(col("t"), "=", stamp("2024-12-31 23:00:00")))).toEqual([
      years[0],
    ]);
  });
  test("negative operands of %", () => {
    expect(kept("id % 5", ["-1", "0", "1"], is(col("id"), "<", lit(-10)))).toEqual(["-1", "0"]);
    expect(kept("id % (-5)", ["-1", "0", "1"], is(col("id"), ">", lit(10)))).toEqual(["0", "1"]);
  });
  test("several bounds on one column: the tightest count", () => {
    const id = col("id");
    const loose = and(
      is(id, ">", lit(0)),
      is(id, ">", lit(25)),
      is(id, "<", lit(100)),
      is(id, "<", lit(38)),
      is(id, ">", lit(5)),
    );
    expect(kept("truncate(10, id)", ["0", "10", "20", "30", "40"], loose)).toEqual(["20", "30"]);
  });
  test("<> on a many-valued partition", () => {
    expect(kept("truncate(10, id)", ["0", "10"], is(col("id"), "<>", lit(0)))).toEqual(["0", "10"]);
    expect(kept("truncate(1, id)", ["0", "10"], is(col("id"), "<>", lit(0)))).toEqual(["10"]);
    expect(
      kept(
        "date_trunc('day', d)",
        ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"],
        is(col("d"), "<>", date("2024-01-01")),
      ),
    ).toEqual(["2024-01-02T00:00:00Z"]);
  });
  test("Int32 against Int64 bucket results", () => {
    for (const sql of ["bucket(50, id)", "bucket(50::INTEGER, id)"]) {
      for (const n of [lit(50, "INTEGER"), lit(50, "BIGINT"), cast(lit(50, "BIGINT"), "INTEGER")]) {
        expect(kept(sql, range(0, 49), is(call("bucket", n, col("id")), "=", lit(7, "BIGINT")))).toEqual([
          "7",
        ]);
        expect(
          kept(sql, range(0, 49), is(cast(call("bucket", n, col("id")), "BIGINT"), "=", lit(7))),
        ).toEqual(["7"]);
      }
    }
  });
  test("integers hash in the column's width", () => {
    const [bucket] = bucketsOf(50, "n", -7n);
    expect(bucket).not.toBe(bucketsOf(50, "id", -7n)[0]);
    expect(kept("bucket(50, n)", range(0, 49), is(col("n"), "=", lit(-7, "BIGINT")))).toEqual([bucket]);
    expect(kept("bucket(50, n)", range(0, 49), is(cast(col("n"), "BIGINT"), "=", lit(-7, "BIGINT")))).toEqual(
      [bucket],
    );
  });
  test("NaN and -0.0: equal floats need not be in one bucket", () => {
    for (const value of ["0", "-0", "nan"]) {
      expect(kept("bucket(5, f)", [...range(0, 4), null], is(col("f"), "=", lit(value, "DOUBLE")))).toEqual(
        range(0, 4),
      );
    }
  });
  test("time zones: a zoned timestamp is a moment, whatever offset its literal has", () => {
    const days = ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"];
    const moment = lit("2024-01-02 01:00:00+02", "TIMESTAMP WITH TIME ZONE");
    expect(kept("date_trunc('day', z)", days, is(col("z"), "=", moment))).toEqual([days[0]]);
  });
  test("string collation, and text cast to numbers: no pruning by bytes", () => {
    const nocase: Scalar = { kind: "column", name: "s", type: "VARCHAR", collation: "NOCASE" };
    expect(kept("s", ["a", "A"], is(nocase, "=", lit("a")))).toEqual(["a", "A"]);
    expect(kept("bucket(5, s)", range(0, 4), is(nocase, "=", lit("a")))).toEqual(range(0, 4));
    expect(kept("bucket(5, s)", range(0, 4), is(call("bucket", lit(5), nocase), "=", lit(2)))).toEqual(
      range(0, 4),
    );
    const number = is(cast(col("s"), "INTEGER"), "=", lit(5));
    expect(kept("bucket(5, s)", range(0, 4), number)).toEqual(range(0, 4));
    expect(kept("s", ["5", "05", " 5", "6"], number)).toEqual(["5", "05", " 5"]);
  });
  test("strings sort by code point, not by UTF-16", () => {
    expect(kept("s", ["\u{ffff}", "😀"], is(col("s"), ">", lit("\u{ffff}")))).toEqual(["😀"]);
  });
  test("infinite dates have no year: they are with NULL", () => {
    expect(kept("year(d)", ["2026", null], is(col("d"), ">", date("2026-12-31")))).toEqual([null]);
    expect(kept("year(d)", ["2026", null], is(col("d"), "=", date("2026-12-31")))).toEqual(["2026"]);
  });
  test("NULL keys stay where the filter may be true of NULL", () => {
    expect(kept("bucket(2, id)", ["0", "1", null], or(isNull(col("id")), { kind: "unknown" }))).toEqual([
      "0",
      "1",
      null,
    ]);
    expect(kept("n", ["1", null], { kind: "is-distinct", left: col("n"), right: lit(1) })).toEqual([null]);
  });
});

describe("rates and reasons", () => {
  const partitions = (count: number) => Array.from({ length: count }, (_, i) => ({ values: [String(i)] }));
  const keys = (sql: string) => bindPartitionBy([{ name: "expr0", sql }], columns);
  const fastest = (run: () => unknown) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const start = performance.now();
        run();
        return performance.now() - start;
      }),
    );

  test("10,000 partitions in a few milliseconds, a million in a fraction of a second", () => {
    const small = partitions(10_000);
    const large = partitions(1_000_000);
    const id = col("id");
    expect(
      fastest(() => prunePartitions(keys("bucket(10000, id)"), small, is(id, "=", lit(5)))),
    ).toBeLessThan(20);
    expect(
      fastest(() => prunePartitions(keys("bucket(1000000, id)"), large, is(id, "=", lit(5)))),
    ).toBeLessThan(600);
    expect(fastest(() => prunePartitions(keys("id"), large, is(id, ">", lit(999_000))))).toBeLessThan(800);
  });

  test("many alternatives do not multiply", () => {
    const pairs = Array.from({ length: 2_000 }, (_, i) =>
      and(is(col("id"), "=", lit(i)), is(col("n"), "=", lit(i))),
    );
    const result = prunePartitions(keys("id"), partitions(10_000), or(...pairs));
    expect(result.kept).toHaveLength(2_000);
  });

  test("the reason is for people", () => {
    const reason = (sql: string, predicate: Predicate) =>
      prunePartitions(keys(sql), partitions(3), predicate).reason;
    expect(reason("bucket(5, s)", is(col("s"), "=", lit("a")))).toBe('bucket(5, s) in ("2")');
    expect(reason("truncate(10, id)", is(col("id"), ">", lit(5)))).toBe("truncate(10, id) by range");
    expect(reason("id", is(col("n"), "=", lit(1)))).toBe("no filter on a partition column");
    expect(reason("id", is(lit(1), "=", lit(2)))).toBe("the filter is never true");
  });

  test("an unpartitioned table has one partition", () => {
    expect(prunePartitions([], [{ values: [] }], is(col("id"), "=", lit(1))).kept).toEqual([0]);
  });
});
