import { expect } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";

/** Something that answers SQL with rows as JSON objects. */
export interface Answering {
  sql(statement: string): Promise<Record<string, unknown>[]>;
}

/** Statements over the table of `tables.ts` with a total order, so that answers compare row by row. */
export const statements = [
  "SELECT count(*) AS n FROM events",
  "SELECT count(*) AS n, min(id) AS lo, max(id) AS hi, sum(customer_id) AS s FROM events",
  "SELECT region, count(*) AS n, sum(amount) AS s, avg(amount) AS a FROM events GROUP BY region ORDER BY region NULLS FIRST",
  "SELECT customer_id, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC, customer_id NULLS LAST LIMIT 7",
  "SELECT * FROM events WHERE customer_id = 42 ORDER BY id LIMIT 5",
  "SELECT id FROM events WHERE customer_id IS NULL ORDER BY id LIMIT 5 OFFSET 3",
  "SELECT id, score FROM events ORDER BY score DESC, id LIMIT 4",
  "SELECT count(DISTINCT customer_id) AS d, count(DISTINCT region) AS r FROM events",
  "SELECT date_trunc('month', created_at) AS m, stddev_pop(id) > 0 AS spread FROM events GROUP BY m ORDER BY m",
  "SELECT a.region, count(*) AS n FROM events a JOIN events b ON a.id = b.id + 1 WHERE b.flag GROUP BY 1 ORDER BY 1",
  "WITH t AS (SELECT region, max(id) AS hi FROM events GROUP BY region) SELECT e.id, e.region FROM events e JOIN t ON e.id = t.hi ORDER BY e.id",
  "SELECT id, row_number() OVER (PARTITION BY region ORDER BY id) AS rn FROM events WHERE id < 50 ORDER BY id",
  "SELECT region FROM events WHERE id < 100 UNION SELECT 'x' ORDER BY 1 NULLS FIRST",
  "SELECT id FROM events WHERE id IN (SELECT max(id) FROM events GROUP BY flag) ORDER BY id",
  "SELECT median(customer_id) AS m, string_agg(DISTINCT region, ',' ORDER BY region) AS s FROM events",
  "SELECT grouping(region) AS g, region, flag, count(*) AS n FROM events GROUP BY ROLLUP (region, flag) ORDER BY ALL",
  "SELECT flag, min(amount) AS lo, max(created_at) AS hi FROM events WHERE score > 500 GROUP BY flag ORDER BY flag",
  "SELECT count(*) AS n FROM events WHERE region LIKE 'A%' AND customer_id BETWEEN -100 AND 100",
  "SELECT id, amount FROM events WHERE flag ORDER BY amount DESC, id LIMIT 6",
  "SELECT sum(id) AS s, count(customer_id) AS c, bool_or(flag) AS f FROM events WHERE id % 7 = 3",
];

/** Every statement gives exactly the rows that one DuckDB with all of them gives. */
export async function expectExactAnswers(answering: Answering, truth: Database): Promise<void> {
  for (const statement of statements) {
    const rows = comparable(await answering.sql(statement));
    expect({ statement, rows }).toEqual({ statement, rows: comparable(await truth.rows(statement)) });
  }
}

/** One form for what two encoders of the same value write: numbers as text, floats to 1e-9, instants alike. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, comparable(v)]));
  }
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toPrecision(9);
  if (typeof value !== "string") return value;
  if (/^-?\d+\.\d+$/.test(value)) return comparable(Number(value));
  const instant = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.0+)?Z?)?$/.exec(value);
  return instant === null ? value : `${instant[1]} ${instant[2] ?? "00:00:00"}`;
}
