import type { Scalar } from "../../predicate/scalar.ts";
import { quoteIdentifier, quoteLiteral } from "../../sql/quote.ts";
import { type ColumnType, formatColumnType, parseColumnType } from "../column-type.ts";
import { datePartUnit, partFunctions } from "../compute/date-parts.ts";
import { dateTruncUnit } from "../compute/date-trunc.ts";
import type { BoundPartitionExpression } from "../expression/bind.ts";

/**
 * A partition expression as PostgreSQL SQL, or `undefined` when PostgreSQL (14 or newer) cannot be trusted to give
 * the very same value for every row: `bucket`, casing, calendar units that it counts differently. Time zones of the
 * session do not matter.
 */
export function sourceSql(expression: BoundPartitionExpression): string | undefined {
  return print(expression.scalar);
}

function print(scalar: Scalar): string | undefined {
  switch (scalar.kind) {
    case "column":
      return quoteIdentifier(scalar.name);
    case "literal":
      return printLiteral(scalar.type, scalar.value);
    case "cast":
      return printCast(scalar.operand, scalar.type);
    case "arithmetic": {
      const left = print(scalar.left);
      const right = print(scalar.right);
      if (left === undefined || right === undefined) return undefined;
      if (scalar.op === "//") return isInteger(scalar.left) ? `(${left} / ${right})` : undefined;
      if (scalar.op === "/") return undefined;
      return `(${left} ${scalar.op} ${right})`;
    }
    case "call":
      return printCall(scalar.name.toLowerCase(), scalar.args);
  }
}

function printLiteral(typeText: string, value: string | null): string | undefined {
  if (value === null) return "NULL";
  const type = parseColumnType(typeText);
  switch (type.kind) {
    case "integer":
      return type.bits <= 64 ? `(${value})` : undefined;
    case "varchar":
      return `${quoteLiteral(value)}::text`;
    case "boolean":
      return value;
    default:
      return undefined;
  }
}

function printCast(operand: Scalar, typeText: string): string | undefined {
  const from = leafType(operand);
  const to = parseColumnType(typeText);
  const inner = print(operand);
  if (inner === undefined || from === undefined) return undefined;
  const target = postgresType(to);
  if (target === undefined) return undefined;
  const exact =
    (from.kind === "integer" && (to.kind === "integer" || to.kind === "varchar")) ||
    (from.kind === "date" && to.kind === "timestamp" && !to.zoned) ||
    (from.kind === "varchar" && to.kind === "varchar");
  if (exact) return `${inner}::${target}`;
  if (from.kind === "timestamp" && to.kind === "date") return `${utc(inner, from)}::date`;
  return undefined;
}

function printCall(name: string, args: readonly Scalar[]): string | undefined {
  const [first, second] = args;
  if (partFunctions.has(name) && first !== undefined) return printPart(name, first);
  if (first === undefined || second === undefined) {
    return (name === "length" || name === "abs") && first !== undefined ? simple(name, args) : undefined;
  }
  switch (name) {
    case "date_part":
      return first.kind === "literal" ? printPart(first.value ?? "", second) : undefined;
    case "date_trunc":
      return first.kind === "literal" ? printTrunc(first.value ?? "", second) : undefined;
    case "truncate":
      return printTruncate(first, second);
    case "left":
    case "substr":
      return simple(name, args);
    default:
      return undefined;
  }
}

function simple(name: string, args: readonly Scalar[]): string | undefined {
  const printed = args.map((arg) => {
    const text = print(arg);
    return text === undefined || leafType(arg)?.kind !== "integer" || name === "abs"
      ? text
      : `${text}::integer`;
  });
  return printed.includes(undefined) ? undefined : `${name}(${printed.join(", ")})`;
}

/** Units that both engines count alike; `year` differs before year 1 only, where PostgreSQL has no year 0. */
const sameParts = new Set(["quarter", "month", "week", "day", "dow", "isodow", "doy", "hour", "minute"]);

function printPart(unitText: string, operand: Scalar): string | undefined {
  const unit = datePartUnit(unitText);
  const moment = printMoment(operand);
  if (unit === undefined || moment === undefined) return undefined;
  let value: string;
  if (unit === "year") {
    value = `date_part('year', ${moment})::bigint + CASE WHEN ${moment} < TIMESTAMP '0001-01-01' THEN 1 ELSE 0 END`;
  } else if (unit === "second") value = `floor(date_part('second', ${moment}))::bigint`;
  else if (sameParts.has(unit)) value = `date_part('${unit}', ${moment})::bigint`;
  else return undefined;
  return `(CASE WHEN isfinite(${moment}) THEN ${value} END)`;
}

const sameTruncations = new Set(["year", "quarter", "month", "week", "day", "hour", "minute", "second"]);

function printTrunc(unitText: string, operand: Scalar): string | undefined {
  const unit = dateTruncUnit(unitText);
  const moment = printMoment(operand);
  const type = leafType(operand);
  if (unit === undefined || moment === undefined || type === undefined || !sameTruncations.has(unit)) {
    return undefined;
  }
  const truncated = `date_trunc('${unit}', ${moment})`;
  return type.kind === "timestamp" && type.zoned ? `(${truncated} AT TIME ZONE 'UTC')` : truncated;
}

/** A date or timestamp as PostgreSQL's timestamp without zone, in UTC. */
function printMoment(operand: Scalar): string | undefined {
  const type = leafType(operand);
  const text = print(operand);
  if (text === undefined || type === undefined) return undefined;
  if (type.kind === "date") return `${text}::timestamp`;
  return type.kind === "timestamp" ? utc(text, type) : undefined;
}

function utc(text: string, type: ColumnType): string {
  return type.kind === "timestamp" && type.zoned ? `(${text} AT TIME ZONE 'UTC')` : text;
}

function printTruncate(width: Scalar, operand: Scalar): string | undefined {
  const w = print(width);
  const value = print(operand);
  const type = leafType(operand);
  if (w === undefined || value === undefined || type === undefined) return undefined;
  if (type.kind === "varchar") return `left(${value}, ${w}::integer)`;
  const target = postgresType(type);
  if (type.kind !== "integer" || target === undefined) return undefined;
  return `(${value}::numeric - mod(mod(${value}::numeric, ${w}) + ${w}, ${w}))::${target}`;
}

const isInteger = (scalar: Scalar) => leafType(scalar)?.kind === "integer";

/** The type of a column, literal or cast; `undefined` for calls and arithmetic other than on integers. */
function leafType(scalar: Scalar): ColumnType | undefined {
  switch (scalar.kind) {
    case "column":
    case "literal":
    case "cast":
      return parseColumnType(scalar.type);
    case "arithmetic":
      return leafType(scalar.left);
    case "call":
      return undefined;
  }
}

/** PostgreSQL's name of a type that holds the same values; it has no unsigned integers. */
function postgresType(type: ColumnType): string | undefined {
  switch (type.kind) {
    case "integer":
      return type.signed
        ? { 8: undefined, 16: "smallint", 32: "integer", 64: "bigint", 128: undefined }[type.bits]
        : undefined;
    case "varchar":
      return "text";
    case "date":
      return "date";
    case "timestamp":
      return type.unit === "us" ? (type.zoned ? "timestamptz" : "timestamp") : undefined;
    case "boolean":
      return formatColumnType(type).toLowerCase();
    default:
      return undefined;
  }
}
