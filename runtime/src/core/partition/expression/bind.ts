import { columnsOf, type Scalar } from "../../predicate/scalar.ts";
import { type ColumnType, formatColumnType, parseColumnType } from "../column-type.ts";
import { compileScalar } from "../compute/compile.ts";
import type { Compiled } from "../compute/compiled.ts";
import { canonicalText, lowerAscii, matchKey } from "./canonical.ts";
import { criterion, PartitionExpressionError } from "./errors.ts";
import { FunctionArgumentError, isKnownFunction } from "./functions.ts";
import { parseExpression } from "./parse.ts";
import { type Transform, transformOf } from "./transform.ts";

/** A column of the dataset, as its schema has it. */
export interface PartitionColumn {
  readonly name: string;
  /** DuckDB type text. */
  readonly type: string;
  readonly nullable: boolean;
}

/** One entry of `partition_by` that is checked against the schema and ready for use. */
export interface BoundPartitionExpression {
  /** The name of its directory level: the spicepod's, or `expr{i}`. */
  readonly name: string;
  /** Canonical text: how the cluster document names it. */
  readonly text: string;
  /** The typed tree; its column has the schema's spelling. */
  readonly scalar: Scalar;
  readonly column: { readonly name: string; readonly type: ColumnType; readonly nullable: boolean };
  /** Type of the partition's value. */
  readonly type: ColumnType;
  readonly transform: Transform;
  /** The expression as a function of the column's value. */
  readonly compiled: Compiled;
  /** By which a filter's expression is recognised as this one. */
  readonly matchKey: string;
  /** Whether a partition for NULL may exist. */
  readonly nullable: boolean;
}

/**
 * Check a partition expression against the columns of its dataset (spec chapter 03). Throws a
 * {@link PartitionExpressionError} that names the expression and the rule it breaks.
 */
export function bindPartitionExpression(
  name: string,
  sql: string,
  columns: readonly PartitionColumn[],
): BoundPartitionExpression {
  const parsed = parseExpression(sql);
  const wanted = onlyColumn(sql, parsed);
  const found = columns.find((column) => lowerAscii(column.name) === wanted);
  if (found === undefined) {
    const known = columns.map((column) => column.name).join(", ");
    throw criterion(sql, "unknown-column", `there is no column ${wanted}; the columns are ${known}`);
  }
  const scalar = withTypes(parsed, found);
  const column = { name: found.name, type: parseColumnType(found.type), nullable: found.nullable };
  const compiled = compile(sql, scalar, column.type);
  if (!isPartitionType(compiled.type)) {
    throw criterion(
      sql,
      "type",
      `data type must be a String, Number, Boolean, Date or Timestamp, got ${formatColumnType(compiled.type)}`,
    );
  }
  const type: ColumnType = compiled.type.kind === "enum" ? { kind: "varchar" } : compiled.type;
  return {
    name,
    text: canonicalText(scalar),
    scalar,
    column,
    type,
    transform: transformOf(scalar, compiled, column.type),
    compiled,
    matchKey: matchKey(scalar),
    nullable: column.nullable || compiled.nullAtInfinity,
  };
}

/**
 * The rules that need no schema: one column, known functions, and the arguments of `bucket` and `truncate`. Throws a
 * {@link PartitionExpressionError}.
 */
export function checkPartitionExpression(sql: string): void {
  const parsed = parseExpression(sql);
  onlyColumn(sql, parsed);
  const strange = unknownFunction(parsed);
  if (strange !== undefined) throw unsupported(sql, notAvailable(strange));
  // What does not fit this type may fit another; the counts and widths fit none.
  compiledOver(sql, parsed, parseColumnType("BIGINT"));
}

function onlyColumn(sql: string, parsed: Scalar): string {
  const names = new Set(columnsOf(parsed).map((column) => lowerAscii(column.name)));
  const [wanted] = names;
  if (names.size === 1 && wanted !== undefined) return wanted;
  throw criterion(sql, "columns", `Expression references ${names.size} columns, expected exactly 1`);
}

/** As {@link bindPartitionExpression} for a whole `partition_by`; entries as `{ name, sql }`. */
export function bindPartitionBy(
  entries: readonly { readonly name: string; readonly sql: string }[],
  columns: readonly PartitionColumn[],
): BoundPartitionExpression[] {
  return entries.map((entry) => bindPartitionExpression(entry.name, entry.sql, columns));
}

function compile(sql: string, scalar: Scalar, columnType: ColumnType): Compiled {
  const compiled = compiledOver(sql, scalar, columnType);
  if (compiled !== undefined) return compiled;
  const strange = unknownFunction(scalar);
  throw unsupported(
    sql,
    strange === undefined
      ? `its operands do not fit a column of type ${formatColumnType(columnType)}`
      : notAvailable(strange),
  );
}

function compiledOver(sql: string, scalar: Scalar, columnType: ColumnType): Compiled | undefined {
  try {
    return compileScalar(scalar, (node) => (node.kind === "column" ? columnType : undefined));
  } catch (error) {
    if (!(error instanceof FunctionArgumentError)) throw error;
    throw new PartitionExpressionError(sql, "argument", error.message);
  }
}

function notAvailable(name: string): string {
  return `the function ${name} is not available in partition_by`;
}

function unsupported(sql: string, reason: string): PartitionExpressionError {
  return new PartitionExpressionError(
    sql,
    "unsupported",
    `Invalid expression: Unsupported expression ${sql} (${reason})`,
  );
}

function unknownFunction(scalar: Scalar): string | undefined {
  switch (scalar.kind) {
    case "column":
    case "literal":
      return undefined;
    case "cast":
      return unknownFunction(scalar.operand);
    case "arithmetic":
      return unknownFunction(scalar.left) ?? unknownFunction(scalar.right);
    case "call":
      return isKnownFunction(scalar.name)
        ? scalar.args.map(unknownFunction).find((name) => name !== undefined)
        : scalar.name;
  }
}

function withTypes(scalar: Scalar, column: PartitionColumn): Scalar {
  switch (scalar.kind) {
    case "column":
      return { kind: "column", name: column.name, type: column.type };
    case "literal":
      return scalar;
    case "cast":
      return { ...scalar, operand: withTypes(scalar.operand, column) };
    case "arithmetic":
      return { ...scalar, left: withTypes(scalar.left, column), right: withTypes(scalar.right, column) };
    case "call":
      return { ...scalar, args: scalar.args.map((arg) => withTypes(arg, column)) };
  }
}

function isPartitionType(type: ColumnType): boolean {
  return ["varchar", "enum", "integer", "boolean", "date", "timestamp"].includes(type.kind);
}
