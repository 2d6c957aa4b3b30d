import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type PostgresServer, startPostgres } from "../../../../test/support/postgres-server.ts";
import { quoteLiteral } from "../../sql/quote.ts";
import { type ColumnType, parseColumnType } from "../column-type.ts";
import { evaluateTexts, PartitionEvaluationError } from "../compute/evaluate.ts";
import { bindPartitionExpression } from "../expression/bind.ts";
import { sampleValues } from "../testing/sample-values.ts";
import { formatValue, type Value } from "../value.ts";
import { sourcePartitionPredicate } from "./partition-predicate.ts";

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const names: Readonly<Record<string, string>> = {
  SMALLINT: "smallint",
  INTEGER: "integer",
  BIGINT: "bigint",
  VARCHAR: "text",
  BOOLEAN: "boolean",
  DATE: "date",
  TIMESTAMP: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
};

function literal(typeText: string, type: ColumnType, value: Value): string {
  if (value === null) return `NULL::${names[typeText]}`;
  const text = formatValue(type, value).replace(
    /^(-\d+|0000)(-\d\d-\d\d.*)$/,
    (_, year: string, rest: string) => {
      return `${String(1 - Number(year)).padStart(4, "0")}${rest} BC`;
    },
  );
  return `${quoteLiteral(text)}::${names[typeText]}`;
}

const moments = ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"];
const cases: (readonly [string, string])[] = [
  ...Object.keys(names).map((type) => ["c", type] as const),
  ...["SMALLINT", "INTEGER", "BIGINT"].flatMap((type) =>
    ["truncate(10, c)", "c % 5", "c % (-7)", "c // 10", "c::VARCHAR"].map((sql) => [sql, type] as const),
  ),
  ...["truncate(2, c)", "left(c, 3)", "substr(c, 2, 2)", "length(c)", "c || '-x'"].map(
    (sql) => [sql, "VARCHAR"] as const,
  ),
  ...moments.flatMap((type) => [
    ...["year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "hour", "minute", "second"].map(
      (part) => [`date_part('${part}', c)`, type] as const,
    ),
    ...["year", "quarter", "month", "week", "day", "hour", "minute", "second"].map(
      (unit) => [`date_trunc('${unit}', c)`, type] as const,
    ),
  ]),
  ["c::DATE", "TIMESTAMP"],
  ["c::DATE", "TIMESTAMP WITH TIME ZONE"],
  ["c::TIMESTAMP", "DATE"],
];

describe("PostgreSQL selects the rows of a partition as we do", () => {
  test.each(cases)("%s on %s", (sql, typeText) => {
    const bound = bindPartitionExpression("expr0", sql, [{ name: "c", type: typeText, nullable: true }]);
    const type = parseColumnType(typeText);
    const terms: string[] = [];
    for (const value of sampleValues(type)) {
      // PostgreSQL has no years before 4713 BC, and no text with NUL.
      let text: string | null;
      try {
        text = evaluateTexts(bound, { length: 1, values: [value] })[0]!;
      } catch (error) {
        if (error instanceof PartitionEvaluationError) continue;
        throw error;
      }
      const predicate = sourcePartitionPredicate([bound], [text]);
      expect(predicate).toBeDefined();
      terms.push(
        `SELECT ${quoteLiteral(`${String(value)} → ${text}`)} AS what, count(*) AS n FROM (SELECT ${literal(typeText, type, value)} AS c) AS r WHERE ${predicate}`,
      );
    }
    expect(terms.length).toBeGreaterThan(2);
    const missed = postgres.sql(
      `SET TIME ZONE 'America/New_York'; SELECT what FROM (${terms.join(" UNION ALL ")}) AS all_terms WHERE n <> 1`,
    );
    expect(missed.replace(/^SET\n?/, "").trim()).toBe("");
  });

  test.each([
    ["bucket(5, c)", "BIGINT"],
    ["lower(c)", "VARCHAR"],
    ["date_part('century', c)", "DATE"],
    ["date_trunc('decade', c)", "DATE"],
    ["c", "UBIGINT"],
  ])("%s on %s is left to us", (sql, type) => {
    const bound = bindPartitionExpression("expr0", sql, [{ name: "c", type, nullable: true }]);
    // A bare column is asked for by its name whatever its type; everything else must be exact.
    expect(sourcePartitionPredicate([bound], ["1"]) === undefined).toBe(sql !== "c");
  });
});
