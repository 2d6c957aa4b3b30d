import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { evolveColumns, widerType } from "./evolve-columns.ts";
import { retentionPredicate, retentionSql } from "./retention.ts";
import { retryDelay } from "./retry.ts";
import { refreshSchedule, untilNextRefresh } from "./schedule.ts";
import { sourceQuery } from "./source-query.ts";
import {
  afterSql,
  before,
  formatInstant,
  parseInstant,
  partitionAfterSql,
  type TimeColumn,
  watermarkSql,
} from "./time-column.ts";

describe("the schedule", () => {
  const noon = Date.UTC(2026, 0, 1, 12, 0, 0);
  test("adds up to the jitter to the interval", () => {
    const schedule = refreshSchedule({ intervalMs: 60_000, jitterEnabled: true });
    expect(untilNextRefresh(schedule, noon, 0)).toBe(60_000);
    expect(untilNextRefresh(schedule, noon, 0.5)).toBe(63_000);
    expect(untilNextRefresh(refreshSchedule({ intervalMs: 60_000 }), noon, 0.9)).toBe(60_000);
    expect(untilNextRefresh(refreshSchedule({}), noon, 0.9)).toBeUndefined();
  });
  test("takes the earlier of interval and cron, in UTC", () => {
    expect(untilNextRefresh(refreshSchedule({ cron: "30 12 * * *" }), noon, 0)).toBe(1_800_000);
    expect(untilNextRefresh(refreshSchedule({ cron: "30 12 * * *", intervalMs: 60_000 }), noon, 0)).toBe(
      60_000,
    );
    expect(() => refreshSchedule({ cron: "every day" })).toThrow();
  });
  test("backs off to five minutes within the budget", () => {
    const policy = { enabled: true, maxAttempts: 3 };
    expect([1, 2, 3, 4].map((attempt) => retryDelay(policy, attempt, 0))).toEqual([
      1000,
      1000,
      2000,
      undefined,
    ]);
    expect(retryDelay({ enabled: true }, 500, 0.999)).toBeGreaterThan(149_000);
    expect(retryDelay({ enabled: true }, 500, 0)).toBe(300_000);
    expect(retryDelay({ enabled: false }, 1, 0)).toBeUndefined();
  });
});

describe("instants", () => {
  test("read back what they write, and sort as text", () => {
    const micros = fc.bigInt({
      min: parseInstant("0000-01-01 00:00:00.000000"),
      max: parseInstant("9999-12-31 23:59:59.999999"),
    });
    fc.assert(
      fc.property(micros, micros, (a, b) => {
        expect(parseInstant(formatInstant(a))).toBe(a);
        expect(formatInstant(a) < formatInstant(b)).toBe(a < b);
      }),
    );
  });
  test("move back over days and before 1970", () => {
    expect(before("1970-01-01 00:00:00.000001", 1)).toBe("1969-12-31 23:59:59.999001");
    expect(before("2024-03-01 00:00:00.000000", 86_400_000)).toBe("2024-02-29 00:00:00.000000");
    expect(() => parseInstant("yesterday")).toThrow(RangeError);
  });
});

describe("a time column", () => {
  const cutoff = "2026-01-02 03:04:05.678900";
  test.each<[string, TimeColumn["format"], string]>([
    ["TIMESTAMP", "timestamp", `"t" > TIMESTAMP '${cutoff}'`],
    ["TIMESTAMP WITH TIME ZONE", "timestamp", `"t" > TIMESTAMPTZ '${cutoff}+00'`],
    ["DATE", "date", `"t" > DATE '2026-01-02'`],
    ["BIGINT", "unix_seconds", `"t" > 1767323045`],
    ["BIGINT", "unix_millis", `"t" > 1767323045678`],
    ["DOUBLE", "unix_seconds", `"t" > 1767323045.678900`],
    ["VARCHAR", "ISO8601", `CAST("t" AS TIMESTAMPTZ) > TIMESTAMPTZ '${cutoff}+00'`],
  ])("%s as %s is compared on the bare column", (type, format, sql) => {
    expect(afterSql({ name: "t", type, format }, cutoff)).toBe(sql);
  });
  test("that is coarser keeps the whole day of the cutoff", () => {
    expect(partitionAfterSql({ name: "d", type: "DATE", format: "date" }, cutoff)).toBe(
      `"d" > DATE '2026-01-01'`,
    );
    expect(watermarkSql({ name: "d", type: "BIGINT", format: "unix_millis" })).toContain("* 1000");
  });
});

describe("columns", () => {
  const table = [
    { name: "id", type: "INTEGER" },
    { name: "price", type: "DECIMAL(10,2)" },
  ];
  test("take up additions and wider types, in the table's order", () => {
    const incoming = [
      { name: "note", type: "VARCHAR" },
      { name: "PRICE", type: "DECIMAL(12,2)" },
      { name: "ID", type: "SMALLINT" },
    ];
    expect(evolveColumns(table, incoming)).toEqual({
      kind: "columns",
      changed: true,
      columns: [table[0], { name: "price", type: "DECIMAL(12,2)" }, { name: "note", type: "VARCHAR" }],
    });
    expect(evolveColumns(table, table)).toMatchObject({ changed: false });
  });
  test("refuse what would lose values", () => {
    expect(evolveColumns(table, table.slice(1))).toMatchObject({ kind: "mismatch" });
    expect(evolveColumns(table, [{ name: "id", type: "VARCHAR" }, table[1]!])).toMatchObject({
      kind: "mismatch",
      reason: expect.stringContaining("from INTEGER to VARCHAR"),
    });
    expect(widerType("DECIMAL(10,2)", "DECIMAL(10,4)")).toBeUndefined();
    expect(widerType("BIGINT", "UBIGINT")).toBeUndefined();
    expect(widerType("BIGINT", "DOUBLE")).toBeUndefined();
    expect(widerType("INTEGER[]", "BIGINT[]")).toBe("BIGINT[]");
    expect(widerType("UINTEGER", "BIGINT")).toBe("BIGINT");
  });
});

describe("retention", () => {
  test("reads DELETE statements for its own dataset only", () => {
    expect(retentionPredicate("DELETE FROM events WHERE a < 3;", "spice.public.events")).toBe("a < 3");
    expect(retentionPredicate('delete from "public"."events"\nwhere x = \';\'', "spice.public.events")).toBe(
      "x = ';'",
    );
    expect(retentionPredicate("DELETE FROM others WHERE a < 3", "spice.public.events")).toBeUndefined();
    expect(retentionPredicate("DELETE FROM events", "events")).toBeUndefined();
    expect(retentionPredicate("TRUNCATE events", "events")).toBeUndefined();
  });
  test("joins age and rule", () => {
    const time: TimeColumn = { name: "t", type: "TIMESTAMP", format: "timestamp" };
    const now = Date.UTC(2026, 0, 2);
    expect(retentionSql({ periodMs: 86_400_000, predicate: "x = 1" }, time, now)).toBe(
      `NOT ("t" > TIMESTAMP '2026-01-01 00:00:00.000000') OR (x = 1)`,
    );
    expect(retentionSql({}, time, now)).toBeUndefined();
  });
});

test("the source query keeps the predicates inside of refresh_sql", () => {
  expect(
    sourceQuery({ relation: "r", name: "s t", predicates: ["a > 1", "b"], refreshSql: "SELECT x FROM q; " }),
  ).toBe('WITH "s t" AS (SELECT * FROM r WHERE (a > 1) AND (b)) SELECT * FROM (SELECT x FROM q)');
});
