import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../../adapters/duckdb/database.ts";
import type { Database } from "../../../ports/database.ts";
import { parseColumnType } from "../column-type.ts";
import { bindPartitionExpression } from "../expression/bind.ts";
import { duckdbMacros } from "../sql/duckdb-macros.ts";
import { canonicalTextSql, duckdbSql } from "../sql/duckdb-sql.ts";
import { duckdbPartitionPredicate } from "../sql/partition-predicate.ts";
import { sampleValues, sqlLiteral } from "../testing/sample-values.ts";
import type { Value } from "../value.ts";
import { evaluateTexts, PartitionEvaluationError } from "./evaluate.ts";

let database: Database;
beforeAll(async () => {
  database = await openDatabase({ threads: 1 });
  for (const macro of duckdbMacros) await database.run(macro);
});
afterAll(() => database.close());

const integers = [
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "HUGEINT",
  "UTINYINT",
  "USMALLINT",
  "UINTEGER",
  "UBIGINT",
  "UHUGEINT",
];
const parts = [
  "year",
  "month",
  "day",
  "quarter",
  "week",
  "yearweek",
  "isoyear",
  "dow",
  "isodow",
  "doy",
  "hour",
  "minute",
  "second",
  "millisecond",
  "microsecond",
  "decade",
  "century",
  "millennium",
];
const truncations = [
  "year",
  "quarter",
  "month",
  "week",
  "day",
  "hour",
  "minute",
  "second",
  "decade",
  "century",
  "millennium",
];
const timestamps = ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"];
const bucketed = [
  ...integers,
  ...timestamps,
  "FLOAT",
  "DOUBLE",
  "VARCHAR",
  "BLOB",
  "BOOLEAN",
  "DATE",
  "TIME",
  "UUID",
  "DECIMAL(4,1)",
  "DECIMAL(18,3)",
  "DECIMAL(38,10)",
];

const cases: (readonly [string, string])[] = [
  ...bucketed.flatMap((type) => [["bucket(7, c)", type] as const, ["bucket(1000000, c)", type] as const]),
  ["bucket(7::INTEGER, c)", "BIGINT"],
  ["bucket(7, c::BIGINT)", "INTEGER"],
  ...integers.flatMap((type) =>
    ["c", "truncate(10, c)", "c % 5", ...(type === "UHUGEINT" ? [] : ["c % (-7)"]), "c // 10"].map(
      (sql) => [sql, type] as const,
    ),
  ),
  ...[
    "c",
    "truncate(1, c)",
    "truncate(3, c)",
    "left(c, 2)",
    "right(c, 2)",
    "substr(c, 2, 2)",
    "length(c)",
    "strlen(c)",
    "lower(c)",
    "upper(c)",
    "starts_with(c, 'a')",
    "c || '-x'",
  ].map((sql) => [sql, "VARCHAR"] as const),
  ...["DATE", ...timestamps].flatMap((type) => [
    ["c", type] as const,
    ...parts.map((part) => [`date_part('${part}', c)`, type] as const),
    ...truncations.map((unit) => [`date_trunc('${unit}', c)`, type] as const),
  ]),
  ...["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_MS"].map((type) => ["c::DATE", type] as const),
  ["c::TIMESTAMP", "DATE"],
  ["c::TIMESTAMPTZ", "TIMESTAMP"],
  ["c + 1", "DATE"],
  ["c", "BOOLEAN"],
  ["c::INTEGER", "DECIMAL(4,1)"],
  ["c::VARCHAR", "INTEGER"],
  ["abs(c % 100)", "BIGINT"],
  ["c + 1", "BIGINT"],
  ["c * 3 - 1", "SMALLINT"],
  ["c::BIGINT", "BOOLEAN"],
];

/** What DuckDB gives for each value alone: a value for which it fails must not spoil the others. */
async function inDuckdb(
  sql: string,
  typeText: string,
  values: readonly Value[],
): Promise<(string | null | Error)[]> {
  const type = parseColumnType(typeText);
  const rows = (literals: readonly string[]) =>
    `SELECT ${sql} AS v FROM (SELECT unnest([${literals.join(", ")}]) AS c)`;
  const literals = values.map((value) => sqlLiteral(typeText, type, value));
  try {
    return (await database.rows(rows(literals))).map((row) => row["v"] as string | null);
  } catch {
    const results: (string | null | Error)[] = [];
    for (const literal of literals) {
      try {
        results.push((await database.rows(rows([literal])))[0]!["v"] as string | null);
      } catch (error) {
        results.push(new Error(String((error as { message?: unknown }).message)));
      }
    }
    return results;
  }
}

describe("one definition, two evaluations", () => {
  test.each(cases)("%s on %s", async (sql, typeText) => {
    const bound = bindPartitionExpression("expr0", sql, [{ name: "c", type: typeText, nullable: true }]);
    const values = sampleValues(parseColumnType(typeText));
    const inEngine = await inDuckdb(canonicalTextSql(bound, duckdbSql(bound)), typeText, values);
    const projected = await inDuckdb(
      canonicalTextSql(bound, duckdbSql(bound, { projected: true })),
      typeText,
      values,
    );
    expect(projected).toEqual(inEngine);
    const differences: unknown[] = [];
    let compared = 0;
    for (const [i, value] of values.entries()) {
      const expected = inEngine[i]!;
      let here: string | null | Error;
      try {
        here = evaluateTexts(bound, { length: 1, values: [value] })[0]!;
      } catch (error) {
        if (!(error instanceof PartitionEvaluationError)) throw error;
        here = error;
      }
      // Only the engine knows how to change the case of other letters.
      if (here instanceof Error && /^(lower|upper)/.test(sql)) continue;
      if (here instanceof Error && expected instanceof Error) continue;
      // TIMESTAMP_S and TIMESTAMP_MS hold infinities that the engine cannot cast.
      if (expected instanceof Error && expected.message.includes("Could not convert Timestamp")) continue;
      compared += 1;
      if (here !== expected) differences.push({ value, here, expected });
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(1);
  });

  test("every row is in exactly the partition that its values name", async () => {
    for (const [sql, typeText] of cases.filter(([, type]) => !["FLOAT", "DOUBLE", "BLOB"].includes(type))) {
      const bound = bindPartitionExpression("expr0", sql, [{ name: "c", type: typeText, nullable: true }]);
      const type = parseColumnType(typeText);
      const values = sampleValues(type).filter((value) => {
        // The engine cannot cast these infinities.
        const scaled = type.kind === "timestamp" && type.unit !== "us" && type.unit !== "ns";
        if (scaled && typeof value === "bigint" && value ** 2n > 1n << 120n) return false;
        try {
          evaluateTexts(bound, { length: 1, values: [value] });
          return true;
        } catch {
          return false;
        }
      });
      const texts = new Set(evaluateTexts(bound, { length: values.length, values }));
      const relation = `(SELECT unnest([${values.map((value) => sqlLiteral(typeText, type, value)).join(", ")}]) AS c)`;
      const counts = [...texts].map(
        (text) => `count(*) FILTER (WHERE ${duckdbPartitionPredicate([bound], [text])})`,
      );
      const [row] = await database.rows(`SELECT ${counts.join(" + ")} AS n FROM ${relation}`);
      expect([sql, typeText, Number(row!["n"])]).toEqual([sql, typeText, values.length]);
    }
  });
});

describe("the hash in DuckDB", () => {
  const vectors = JSON.parse(
    readFileSync(new URL("../hash/vectors/ahash.json", import.meta.url), "utf8"),
  ) as [string, string, string][];
  const columns: Record<string, string> = {
    i8: "t::TINYINT",
    i16: "t::SMALLINT",
    i32: "t::INTEGER",
    i64: "t::BIGINT",
    i128: "t::HUGEINT",
    u8: "t::UTINYINT",
    u16: "t::USMALLINT",
    u32: "t::UINTEGER",
    u64: "t::UBIGINT",
    u128: "t::UHUGEINT",
    bool: "t::BOOLEAN",
    str: "decode(unhex(t))",
    bytes: "unhex(t)",
  };
  test.each(Object.entries(columns))("%s as the crate has it", async (kind, sql) => {
    const rows = vectors.filter(([k]) => k === kind);
    const list = rows.map(([, text, hash]) => `('${text}', ${hash}::UBIGINT)`).join(", ");
    const [row] = await database.rows(
      `SELECT count(*) AS n, count(*) FILTER (WHERE bucket(999983, ${sql}) <> h % 999983) AS bad FROM (VALUES ${list}) AS v(t, h)`,
    );
    expect([Number(row!["n"]), Number(row!["bad"])]).toEqual([rows.length, 0]);
  });

  test.each(["f32", "f64"])("%s by its bits", async (kind) => {
    for (const [, bits, hash] of vectors.filter(([k]) => k === kind)) {
      const view = new DataView(Uint8Array.from(Buffer.from(bits, "hex")).buffer);
      const value = kind === "f32" ? view.getFloat32(0) : view.getFloat64(0);
      const text = Object.is(value, -0) ? "-0.0" : String(value);
      const [row] = await database.rows(
        `SELECT bucket(999983, '${text}'::${kind === "f32" ? "FLOAT" : "DOUBLE"}) AS b`,
      );
      expect([text, String(row!["b"])]).toEqual([text, String(BigInt(hash) % 999_983n)]);
    }
  });

  test("in a user's SQL", async () => {
    const [row] = await database.rows(
      "SELECT bucket(5, 'a') AS a, bucket(5, 'b') AS b, BUCKET(5, 'c') AS c, bucket(5, NULL) AS n, typeof(bucket(5, 1)) AS t, truncate(10, -1) AS x, truncate(100, -567) AS y, truncate(10, 12.34) AS z",
    );
    expect(row).toEqual({ a: "2", b: "1", c: "4", n: null, t: "BIGINT", x: -10, y: -600, z: "12.30" });
  });

  test.each([
    ["bucket(0, 1)", "Invalid number of buckets: 0. Must be a positive integer less than 1000000."],
    ["bucket(5, [1])", "bucket() does not support partitioning by column type: INTEGER[]"],
    ["truncate(0, 1)", "Invalid width value: '0'. Must be a positive integer"],
    ["truncate(5, DATE '2026-01-01')", "Second argument must be"],
  ])("%s fails with its reason", async (sql, text) => {
    await expect(database.rows(`SELECT ${sql}`)).rejects.toMatchObject({
      message: expect.stringContaining(text),
    });
  });
});
