import { describe, expect, test } from "@jest/globals";
import type { Predicate } from "../../predicate/predicate.ts";
import { bindPartitionBy } from "../expression/bind.ts";
import {
  and,
  between,
  bucketsOf,
  call,
  cast,
  col,
  columns,
  date,
  is,
  isIn,
  isNull,
  kept,
  like,
  lit,
  modulo,
  not,
  or,
  range,
  stamp,
  type Values,
} from "../testing/small-table.ts";
import { prunePartitions } from "./prune-partitions.ts";

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
