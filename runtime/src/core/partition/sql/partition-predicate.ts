import { quoteLiteral } from "../../sql/quote.ts";
import { type ColumnType, formatColumnType } from "../column-type.ts";
import type { BoundPartitionExpression } from "../expression/bind.ts";
import { parseValue } from "../value.ts";
import { canonicalTextSql, duckdbSql } from "./duckdb-sql.ts";
import { sourceSql } from "./source-sql.ts";

/**
 * The condition that selects the rows of one partition, as DuckDB SQL: `expr = literal` or `expr IS NULL`, joined
 * with AND. `TRUE` for an unpartitioned table. Throws a RangeError for a value that is not of the expression's type.
 */
export function duckdbPartitionPredicate(
  partitionBy: readonly BoundPartitionExpression[],
  values: readonly (string | null)[],
): string {
  return conjunction(
    partitionBy.map((key, i) => {
      const text = values[i] ?? null;
      const literal = duckdbLiteral(key.type, text);
      const sql = duckdbSql(key);
      // DuckDB rewrites `date_trunc(unit, c) = literal` and `c::DATE = literal` to ranges of c, which goes wrong for
      // infinities and before year 1; compared as text it stays as it is.
      const calendar = key.type.kind === "timestamp" || key.type.kind === "date";
      if (text !== null && calendar && /^(-|0000|infinity)/.test(text)) {
        return `${canonicalTextSql(key, sql)} = ${quoteLiteral(text)}`;
      }
      return condition(sql, literal);
    }),
  );
}

/** As {@link duckdbPartitionPredicate} for PostgreSQL; `undefined` when an expression has no exact form there. */
export function sourcePartitionPredicate(
  partitionBy: readonly BoundPartitionExpression[],
  values: readonly (string | null)[],
): string | undefined {
  const terms = partitionBy.map((key, i) => {
    const sql = sourceSql(key);
    return sql === undefined ? undefined : condition(sql, postgresLiteral(key.type, values[i] ?? null));
  });
  return terms.includes(undefined) ? undefined : conjunction(terms as string[]);
}

function conjunction(terms: readonly string[]): string {
  return terms.length === 0 ? "TRUE" : terms.map((term) => `(${term})`).join(" AND ");
}

function condition(sql: string, literal: string | null): string {
  return literal === null ? `${sql} IS NULL` : `${sql} = ${literal}`;
}

/** A partition value as a DuckDB literal of its type; null for NULL. */
export function duckdbLiteral(type: ColumnType, text: string | null): string | null {
  if (text === null) return null;
  checkValue(type, text);
  switch (type.kind) {
    case "integer":
      return text.startsWith("-") ? `(${text})` : text;
    case "boolean":
      return text.toUpperCase();
    case "date":
    case "timestamp":
      return `${quoteLiteral(text)}::${formatColumnType(type)}`;
    default:
      return quoteLiteral(text);
  }
}

function postgresLiteral(type: ColumnType, text: string | null): string | null {
  if (text === null) return null;
  checkValue(type, text);
  switch (type.kind) {
    case "integer":
      return text.startsWith("-") ? `(${text})` : text;
    case "boolean":
      return text.toUpperCase();
    case "date":
      return `${quoteLiteral(withEra(text))}::date`;
    case "timestamp":
      return `${quoteLiteral(withEra(text))}::${type.zoned ? "timestamptz" : "timestamp"}`;
    default:
      return `${quoteLiteral(text)}::text`;
  }
}

/** PostgreSQL has no year 0 and no minus: the year before 0001 is 0001 BC. */
function withEra(text: string): string {
  const match = /^(-?\d+)(-\d\d-\d\d.*)$/.exec(text);
  const year = Number(match?.[1] ?? 1);
  return match === null || year > 0 ? text : `${String(1 - year).padStart(4, "0")}${match[2]} BC`;
}

function checkValue(type: ColumnType, text: string): void {
  if (parseValue(type, text) === undefined) {
    throw new RangeError(`${JSON.stringify(text)} is no value of type ${formatColumnType(type)}`);
  }
}
