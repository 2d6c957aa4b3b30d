import { describe, expect, test } from "@jest/globals";
import { bindPartitionExpression, type PartitionColumn } from "./bind.ts";
import { canonicalText } from "./canonical.ts";
import { PartitionExpressionError } from "./errors.ts";
import { parseExpression } from "./parse.ts";

const columns: readonly PartitionColumn[] = [
  { name: "id", type: "BIGINT", nullable: false },
  { name: "Region", type: "VARCHAR", nullable: true },
  { name: "at", type: "TIMESTAMP", nullable: true },
  { name: "day", type: "DATE", nullable: true },
  { name: "price", type: "DECIMAL(10,2)", nullable: true },
  { name: "ratio", type: "DOUBLE", nullable: true },
  { name: "data", type: "BLOB", nullable: true },
  { name: "tags", type: "VARCHAR[]", nullable: true },
  { name: "order", type: "INTEGER", nullable: true },
];
const bind = (sql: string) => bindPartitionExpression("expr0", sql, columns);
const failure = (sql: string): PartitionExpressionError => {
  try {
    bind(sql);
  } catch (error) {
    if (error instanceof PartitionExpressionError) return error;
    throw error;
  }
  throw new Error(`${sql} was accepted`);
};

describe("canonical text", () => {
  test.each([
    ["bucket(3,id)", "bucket(3, id)"],
    ["BUCKET ( 3 , ID )", "bucket(3, id)"],
    ['bucket(3, "id")', "bucket(3, id)"],
    ["bucket(50::int32, id)", "bucket(50::INTEGER, id)"],
    ["bucket(CAST(50 AS INT), id)", "bucket(50::INTEGER, id)"],
    ["YEAR(at)", "date_part('year', at)"],
    ["extract(year from day)", "date_part('year', day)"],
    ["date_part('YEARS', day)", "date_part('year', day)"],
    ["date_trunc('Month',day)", "date_trunc('month', day)"],
    ["id%10", "id % 10"],
    ["(id + 1) * 2", "(id + 1) * 2"],
    ["id - (1 - 2)", "id - (1 - 2)"],
    ["((id))", "id"],
    ["'it''s' || Region", "'it''s' || region"],
    ['"order"', '"order"'],
    ["substring(Region, 1, 2)", "substr(region, 1, 2)"],
    ["id /* c */ % 7 -- x", "id % 7"],
  ])("%s is %s", (sql, text) => {
    expect(canonicalText(parseExpression(sql))).toBe(text);
    // Stable: printing what was printed changes nothing.
    expect(canonicalText(parseExpression(text))).toBe(text);
  });
});

describe("what is accepted", () => {
  test.each([
    ["Region", "plain", "varchar"],
    ["bucket(50, id)", "bucket", "integer"],
    ["truncate(1000, id)", "increasing", "integer"],
    ["truncate(2, region)", "prefix", "varchar"],
    ["left(region, 2)", "prefix", "varchar"],
    ["date_part('year', at)", "increasing", "integer"],
    ["MONTH(day)", "cyclic", "integer"],
    ["date_trunc('day', at)", "increasing", "timestamp"],
    ["id % 10", "modulo", "integer"],
    ["at::DATE", "increasing", "date"],
    ["lower(region)", "other", "varchar"],
    ["starts_with(region, 'x')", "other", "boolean"],
    ["bucket(8, ratio)", "bucket", "integer"],
    ["bucket(8, price)", "bucket", "integer"],
    ["bucket(8, data)", "bucket", "integer"],
    ["id // 100", "increasing", "integer"],
  ])("%s", (sql, transform, type) => {
    const bound = bind(sql);
    expect(bound.transform.kind).toBe(transform);
    expect(bound.type.kind).toBe(type);
  });

  test("bucket's type is that of N", () => {
    expect(bind("bucket(50, id)").type).toEqual({ kind: "integer", bits: 64, signed: true });
    expect(bind("bucket(50::int32, id)").type).toEqual({ kind: "integer", bits: 32, signed: true });
  });

  test("the column keeps the schema's spelling", () => {
    expect(bind("REGION").column.name).toBe("Region");
    expect(bind("REGION").text).toBe("region");
  });
});

describe("what is refused", () => {
  test.each([
    ["1 + 2", "columns", "Expression references 0 columns, expected exactly 1"],
    ["id + price", "columns", "Expression references 2 columns, expected exactly 1"],
    ["missing", "unknown-column", "there is no column missing"],
    ["price", "type", "data type must be a String, Number, Boolean, Date or Timestamp, got DECIMAL(10,2)"],
    ["ratio", "type", "got DOUBLE"],
    ["tags", "type", "got VARCHAR[]"],
    ["id AS key", "alias", "aliases are not allowed"],
    ["id key", "alias", "aliases are not allowed"],
    ["sum(id)", "aggregate", "aggregate functions are not allowed: sum"],
    ["count(*)", "aggregate", "aggregate functions are not allowed: count"],
    ["row_number() over ()", "window", "window functions are not allowed: row_number"],
    ["abs(id) over (partition by id)", "window", "window functions are not allowed: abs"],
    ["(select id)", "subquery", "subqueries are not allowed"],
    ["id + (select 1)", "subquery", "subqueries are not allowed"],
    ["exists (select 1)", "exists", "EXISTS is not allowed"],
    ["unnest(tags)", "unnest", "UNNEST is not allowed"],
    ["id % ?", "placeholder", "placeholders are not allowed: ?"],
    ["id % $1", "placeholder", "placeholders are not allowed: $1"],
    ["grouping(id)", "grouping-sets", "GROUPING SETS are not allowed"],
    ["grouping sets ((id))", "grouping-sets", "GROUPING SETS are not allowed"],
    ["random() * id", "volatile", "volatile functions are not allowed: random"],
    ["current_date", "volatile", "volatile functions are not allowed: current_date"],
    ["now()", "volatile", "volatile functions are not allowed: now"],
  ] as const)("%s: %s", (sql, rule, text) => {
    const error = failure(sql);
    expect(error.rule).toBe(rule);
    expect(error.message).toContain(`Expression ${sql} does not meet the criteria: `);
    expect(error.message).toContain(text);
  });

  test.each([
    ["bucket(0, id)", "Invalid number of buckets: 0. Must be a positive integer less than 1000000."],
    ["bucket(-5, id)", "Invalid number of buckets: -5. Must be a positive integer less than 1000000."],
    [
      "bucket(1000001, id)",
      "Invalid number of buckets: 1000001. Must be a positive integer less than 1000000.",
    ],
    ["bucket(id)", "Expected exactly two arguments, got 1"],
    ["bucket(1, id, 2)", "Expected exactly two arguments, got 3"],
    [
      "bucket(id, 5)",
      "Bucket function first argument must be a positive number, got a column of type BIGINT. Ensure the function is called like `bucket(num_buckets, column)`, for example `bucket(10, my_column)`.",
    ],
    [
      "bucket('x', id)",
      "Bucket function first argument must be a positive number, got a scalar value x. Ensure the function is called like `bucket(num_buckets, column)`, for example `bucket(10, my_column)`.",
    ],
    ["bucket(5, tags)", "bucket() does not support partitioning by column type: VARCHAR[]"],
    [
      "truncate(0, id)",
      "Invalid width value: '0'. Must be a positive integer less than or equal to 4611686018427387903",
    ],
    [
      "truncate(4611686018427387904, id)",
      "Invalid width value: '4611686018427387904'. Must be a positive integer less than or equal to 4611686018427387903",
    ],
    ["truncate('a', id)", "Truncation width must be a positive Int64, got VARCHAR"],
    ["truncate(id)", "Expected exactly two arguments, got 1"],
    [
      "truncate(5, day)",
      "Second argument must be Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Decimal128, Decimal256, Utf8, or Binary, got DATE",
    ],
  ])("%s", (sql, text) => {
    expect(failure(sql).message).toBe(text);
  });

  test.each(["id = 5", "case when id > 1 then 1 end", "id is null", "md5(region)", "date_part('epoch', at)"])(
    "%s is not supported",
    (sql) => {
      expect(failure(sql).message).toMatch(/^Invalid expression: Unsupported expression /);
    },
  );

  test.each(["id %", "(id", "id)", "", "bucket(3, id", "a b c(", "id # 2"])("%j is no expression", (sql) => {
    expect(["syntax", "alias"]).toContain(failure(sql).rule);
  });
});
