/**
 * What an expression may be used for, rather than its exact SQL type.
 *
 * - `int` and `dec` are small enough for arithmetic; `big` and `decx` are not, they are only compared, grouped, counted.
 * - `dbl` holds multiples of 1/4, so that sums are exact in any order; `wild` has NaN, infinities and extremes.
 * - `inexact` is a float that depends on the order of its input by rounding; `list` is a nested value. Both may only
 *   stand in the outermost select list.
 */
export type Kind =
  | "int"
  | "big"
  | "dec"
  | "decx"
  | "dbl"
  | "wild"
  | "str"
  | "date"
  | "ts"
  | "bool"
  | "inexact"
  | "list";

export interface ColumnDef {
  readonly name: string;
  readonly kind: Kind;
}

export interface TableDef {
  readonly name: string;
  readonly columns: readonly ColumnDef[];
  /** Rows, about: keeps joins small. */
  readonly rows: number;
  /** The SELECT that makes it. */
  readonly sql: string;
}

const regions = "['EU', 'US', 'APAC', '', 'a/b=c%', 'Ünï 😀']";
const wild =
  "['NaN'::DOUBLE, 'Infinity'::DOUBLE, '-Infinity'::DOUBLE, -0.0, 0.0, 1e300, -1e300, 4.9e-324, 1.5, NULL]";
const big =
  "[9223372036854775807, -9223372036854775808, 9007199254740993, -1, 0, 1, NULL, 4294967296, 42, 1000000007]::BIGINT[]";
const days =
  "[DATE '2024-02-29', DATE '2023-02-28', DATE '2000-02-29', DATE '1969-12-31', DATE '2024-12-31']";

/**
 * Four tables of awkward data. Every one has a unique `id`, and `k` (`fk` below 100) and `region` to join by; `nothing`
 * is empty.
 */
export const awkwardSchema: readonly TableDef[] = [
  {
    name: "facts",
    rows: 1000,
    columns: [
      { name: "id", kind: "int" },
      { name: "k", kind: "int" },
      { name: "region", kind: "str" },
      { name: "n", kind: "int" },
      { name: "big", kind: "big" },
      { name: "amount", kind: "dec" },
      { name: "score", kind: "dbl" },
      { name: "wild", kind: "wild" },
      { name: "d", kind: "date" },
      { name: "ts", kind: "ts" },
      { name: "flag", kind: "bool" },
    ],
    sql: `SELECT i::BIGINT AS id,
      CASE WHEN i % 41 = 0 THEN NULL ELSE (i * 7919 % 97)::INTEGER END AS k,
      CASE WHEN i % 53 = 0 THEN NULL ELSE (${regions})[1 + i % 6] END AS region,
      CASE WHEN i % 31 = 0 THEN NULL ELSE (i * 613 % 401 - 200)::INTEGER END AS n,
      (${big})[1 + i * 3 % 10] AS big,
      CASE WHEN i % 29 = 0 THEN NULL ELSE ((i * 31 % 20011 - 9000) / 100.0)::DECIMAL(12, 2) END AS amount,
      CASE WHEN i % 37 = 0 THEN NULL ELSE (i * 17 % 2003 - 900) / 4.0::DOUBLE END AS score,
      (${wild})[1 + i * 7 % 10]::DOUBLE AS wild,
      CASE WHEN i % 43 = 0 THEN NULL WHEN i % 11 = 0 THEN (${days})[1 + i % 5]
           ELSE DATE '2023-11-15' + (i * 13 % 200)::INTEGER END AS d,
      CASE WHEN i % 47 = 0 THEN NULL ELSE TIMESTAMP '2023-12-28 00:00:00' + to_minutes(i * 37 % 150000) END AS ts,
      CASE WHEN i % 19 = 0 THEN NULL ELSE i % 3 = 0 END AS flag
    FROM range(1000) t(i)`,
  },
  {
    name: "events",
    rows: 700,
    columns: [
      { name: "id", kind: "int" },
      { name: "k", kind: "int" },
      { name: "region", kind: "str" },
      { name: "n", kind: "int" },
      { name: "label", kind: "str" },
      { name: "price", kind: "dec" },
      { name: "score", kind: "dbl" },
      { name: "ts", kind: "ts" },
      { name: "ok", kind: "bool" },
    ],
    sql: `SELECT (i * 2)::BIGINT AS id,
      CASE WHEN i % 23 = 0 THEN NULL ELSE (i * i % 89 + 5)::INTEGER END AS k,
      (${regions})[1 + i * i % 6] AS region,
      CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 37 % 301 - 150)::INTEGER END AS n,
      CASE WHEN i % 17 = 0 THEN NULL WHEN i % 5 = 0 THEN '' ELSE concat('item ', i * 29 % 61) END AS label,
      (i * 47 % 5003 / 100.0)::DECIMAL(9, 2) AS price,
      CASE WHEN i % 13 = 0 THEN NULL ELSE (i * 19 % 1009) / 4.0::DOUBLE END AS score,
      TIMESTAMP '2024-02-27 12:00:00' + to_seconds(i * 4001 % 400000) AS ts,
      CASE WHEN i % 9 = 0 THEN NULL ELSE i % 2 = 0 END AS ok
    FROM range(700) t(i)`,
  },
  {
    name: "dims",
    rows: 60,
    columns: [
      { name: "id", kind: "int" },
      { name: "k", kind: "int" },
      { name: "region", kind: "str" },
      { name: "name", kind: "str" },
      { name: "rate", kind: "dec" },
      { name: "opened", kind: "date" },
      { name: "active", kind: "bool" },
    ],
    sql: `SELECT (i * 5)::BIGINT AS id,
      CASE WHEN i = 13 THEN NULL ELSE (i * 2)::INTEGER END AS k,
      CASE WHEN i % 10 = 9 THEN NULL ELSE (${regions})[1 + i % 5] END AS region,
      CASE WHEN i % 14 = 3 THEN NULL ELSE concat(chr((65 + i % 9)::INTEGER), repeat('x', (i % 4)::INTEGER)) END AS name,
      (i % 8 / 4.0)::DECIMAL(6, 2) AS rate,
      DATE '2024-02-20' + (i % 20)::INTEGER AS opened,
      i % 4 <> 0 AS active
    FROM range(60) t(i)`,
  },
  {
    name: "nothing",
    rows: 0,
    columns: [
      { name: "id", kind: "int" },
      { name: "k", kind: "int" },
      { name: "region", kind: "str" },
      { name: "n", kind: "int" },
      { name: "amount", kind: "dec" },
    ],
    sql: `SELECT i::BIGINT AS id, i::INTEGER AS k, ''::VARCHAR AS region, i::INTEGER AS n, i::DECIMAL(12, 2) AS amount
    FROM range(0) t(i)`,
  },
];
