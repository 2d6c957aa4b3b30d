import type { ComparisonOperator, Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { parseColumnType } from "../column-type.ts";
import { bindPartitionBy } from "../expression/bind.ts";
import { bucketOf } from "../hash/hash-value.ts";
import { prunePartitions } from "../prune/prune-partitions.ts";

/** A table with a column of each kind, and short names for building filters on it. */
export const columns = [
  { name: "id", type: "BIGINT", nullable: true },
  { name: "n", type: "INTEGER", nullable: true },
  { name: "s", type: "VARCHAR", nullable: true },
  { name: "d", type: "DATE", nullable: true },
  { name: "t", type: "TIMESTAMP", nullable: true },
  { name: "z", type: "TIMESTAMP WITH TIME ZONE", nullable: true },
  { name: "f", type: "DOUBLE", nullable: true },
];
const typeOf = (name: string) => columns.find((column) => column.name === name)!.type;
export const col = (name: string): Scalar => ({ kind: "column", name, type: typeOf(name) });
export const lit = (value: string | number | null, type?: string): Scalar => ({
  kind: "literal",
  type: type ?? (typeof value === "number" ? "INTEGER" : "VARCHAR"),
  value: value === null ? null : String(value),
});
export const call = (name: string, ...args: Scalar[]): Scalar => ({ kind: "call", name, args });
export const cast = (operand: Scalar, type: string): Scalar => ({ kind: "cast", operand, type });
export const modulo = (left: Scalar, right: number): Scalar => ({
  kind: "arithmetic",
  op: "%",
  left,
  right: lit(right),
});
export const is = (left: Scalar, op: ComparisonOperator, right: Scalar): Predicate => ({
  kind: "compare",
  op,
  left,
  right,
});
export const isIn = (value: Scalar, ...list: Scalar[]): Predicate => ({ kind: "in", value, list });
export const and = (...terms: Predicate[]): Predicate => ({ kind: "and", terms });
export const or = (...terms: Predicate[]): Predicate => ({ kind: "or", terms });
export const not = (term: Predicate): Predicate => ({ kind: "not", term });
export const between = (value: Scalar, low: Scalar, high: Scalar, symmetric = false): Predicate => ({
  kind: "between",
  value,
  low,
  high,
  symmetric,
});
export const isNull = (value: Scalar): Predicate => ({ kind: "is-null", value });
export const like = (value: Scalar, pattern: string): Predicate => ({ kind: "like", value, pattern });
export const date = (text: string) => lit(text, "DATE");
export const stamp = (text: string) => lit(text, "TIMESTAMP");

export type Values = readonly (string | null)[];
/** The values kept of a table that is partitioned by one expression. */
export function kept(sql: string, values: Values, predicate: Predicate): (string | null)[] {
  const keys = bindPartitionBy([{ name: "expr0", sql }], columns);
  const partitions = values.map((value) => ({ values: [value] }));
  return prunePartitions(keys, partitions, predicate).kept.map((i) => values[i]!);
}
export const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
export const bucketsOf = (n: number, column: string, ...values: (bigint | string)[]) =>
  [...new Set(values.map((value) => String(bucketOf(n, parseColumnType(typeOf(column)), value)!)))].sort();
