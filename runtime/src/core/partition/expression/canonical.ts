import type { Scalar } from "../../predicate/scalar.ts";
import { quoteLiteral } from "../../sql/quote.ts";
import { formatColumnType, parseColumnType } from "../column-type.ts";
import { datePartUnit, partFunctions } from "../compute/date-parts.ts";

/** How a printed expression writes what dialects write differently. */
export interface PrintStyle {
  identifier(name: string): string;
  /** The call's text, or `undefined` for the plain form. */
  call?(name: string, args: readonly Scalar[], print: (arg: Scalar) => string): string | undefined;
}

/**
 * The one text of an expression: lower-case function and column names (quoted where they must be), upper-case types,
 * one space after commas and around operators, `year(c)` as `date_part('year', c)`, `CAST(x AS t)` as `x::T`. Two
 * spellings of one expression have the same text; it names partitions in the cluster document.
 */
export function canonicalText(scalar: Scalar): string {
  return printScalar(normalForm(scalar), { identifier: canonicalIdentifier });
}

/**
 * The text by which a filter's expression is recognised as a partition's: as {@link canonicalText}, but blind to
 * what cannot change the value (the type of N, a widening of integers below an operator or a date function).
 */
export function matchKey(scalar: Scalar): string {
  return printScalar(stripCasts(normalForm(scalar)), { identifier: canonicalIdentifier });
}

/** Print as SQL. */
export function printScalar(scalar: Scalar, style: PrintStyle): string {
  return print(scalar, style, 0);
}

const precedence: Readonly<Record<string, number>> = {
  "||": 1,
  "+": 2,
  "-": 2,
  "*": 3,
  "/": 3,
  "//": 3,
  "%": 3,
};

function print(scalar: Scalar, style: PrintStyle, minimum: number): string {
  switch (scalar.kind) {
    case "column":
      return style.identifier(scalar.name);
    case "literal":
      return printLiteral(scalar.type, scalar.value);
    case "cast":
      return `${print(scalar.operand, style, 9)}::${scalar.type}`;
    case "call": {
      const own = style.call?.(scalar.name, scalar.args, (arg) => print(arg, style, 0));
      return own ?? `${scalar.name}(${scalar.args.map((arg) => print(arg, style, 0)).join(", ")})`;
    }
    case "arithmetic": {
      const level = precedence[scalar.op]!;
      const left = print(scalar.left, style, level - 1);
      const text = `${left} ${scalar.op} ${print(scalar.right, style, level)}`;
      return level <= minimum ? `(${text})` : text;
    }
  }
}

function printLiteral(typeText: string, value: string | null): string {
  if (value === null) return "NULL";
  const type = parseColumnType(typeText);
  switch (type.kind) {
    case "integer":
    case "decimal":
      return value.startsWith("-") ? `(${value})` : value;
    case "boolean":
      return value.toUpperCase();
    case "varchar":
      return quoteLiteral(value);
    default:
      return `${quoteLiteral(value)}::${formatColumnType(type)}`;
  }
}

const reserved: ReadonlySet<string> = new Set(
  "all and any array as asc asymmetric between both case cast check collate column constraint create default deferrable desc describe distinct do else end except exists extract false fetch filter for foreign from grant group having ilike in initially intersect interval into is isnull lambda lateral leading like limit not notnull null offset on only or order over pivot pivot_longer pivot_wider placing primary qualify references returning select show similar some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with".split(
    " ",
  ),
);

/** Column names are compared without case, so the canonical form has none. */
export function canonicalIdentifier(name: string): string {
  const lower = lowerAscii(name);
  return /^[a-z_][a-z0-9_]*$/.test(lower) && !reserved.has(lower)
    ? lower
    : `"${lower.replaceAll('"', '""')}"`;
}

/** Only ASCII letters: the engine's own rule for names. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}

const oneName: Readonly<Record<string, string>> = {
  lcase: "lower",
  ucase: "upper",
  len: "length",
  char_length: "length",
  character_length: "length",
  substring: "substr",
  prefix: "starts_with",
  datepart: "date_part",
  extract: "date_part",
  datetrunc: "date_trunc",
};

function normalForm(scalar: Scalar): Scalar {
  switch (scalar.kind) {
    case "column":
    case "literal":
      return scalar;
    case "cast":
      return {
        kind: "cast",
        operand: normalForm(scalar.operand),
        type: formatColumnType(parseColumnType(scalar.type)),
      };
    case "arithmetic":
      return { ...scalar, left: normalForm(scalar.left), right: normalForm(scalar.right) };
    case "call":
      return normalCall(scalar.name.toLowerCase(), scalar.args.map(normalForm));
  }
}

function normalCall(name: string, args: readonly Scalar[]): Scalar {
  const [first, second] = args;
  if (partFunctions.has(name) && first !== undefined && args.length === 1) {
    return normalCall("date_part", [{ kind: "literal", type: "VARCHAR", value: name }, first]);
  }
  const own = oneName[name] ?? name;
  if ((own === "date_part" || own === "date_trunc") && first?.kind === "literal" && second !== undefined) {
    const unit = datePartUnit(first.value ?? "") ?? lowerAscii(first.value ?? "");
    return { kind: "call", name: own, args: [{ kind: "literal", type: "VARCHAR", value: unit }, second] };
  }
  return { kind: "call", name: own, args };
}

function stripCasts(scalar: Scalar): Scalar {
  switch (scalar.kind) {
    case "column":
    case "literal":
      return scalar;
    case "cast":
      return { ...scalar, operand: stripCasts(scalar.operand) };
    case "arithmetic":
      return {
        ...scalar,
        left: withoutWidening(stripCasts(scalar.left)),
        right: withoutWidening(stripCasts(scalar.right)),
      };
    case "call": {
      const args = scalar.args.map(stripCasts);
      // The hashed argument of bucket keeps its casts: integers hash in their own width.
      const mayStrip = (i: number) => scalar.name !== "bucket" || i === 0;
      return { ...scalar, args: args.map((arg, i) => (mayStrip(i) ? withoutWidening(arg) : arg)) };
    }
  }
}

/** An integer of another width, or a date as a timestamp: the same value to operators and date functions. */
function withoutWidening(scalar: Scalar): Scalar {
  if (scalar.kind === "literal" && parseColumnType(scalar.type).kind === "integer") {
    return { ...scalar, type: "BIGINT" };
  }
  if (scalar.kind !== "cast") return scalar;
  const inner = withoutWidening(scalar.operand);
  const from = inner.kind === "column" || inner.kind === "literal" ? parseColumnType(inner.type) : undefined;
  const to = parseColumnType(scalar.type);
  const integers = from?.kind === "integer" && to.kind === "integer";
  const dates = from?.kind === "date" && to.kind === "timestamp" && !to.zoned && to.unit === "us";
  return integers || dates ? inner : { ...scalar, operand: inner };
}
