import { describe, expect, test } from "@jest/globals";
import type { Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { bindPartitionBy } from "../expression/bind.ts";
import {
  and,
  bucketsOf,
  call,
  cast,
  col,
  columns,
  date,
  is,
  isNull,
  kept,
  lit,
  or,
  range,
  stamp,
} from "../testing/small-table.ts";
import { prunePartitions } from "./prune-partitions.ts";

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
  /** Milliseconds of processor time, the least of three: other work on the machine does not count. */
  const fastest = (run: () => unknown) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const start = process.cpuUsage();
        run();
        return process.cpuUsage(start).user / 1000;
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
