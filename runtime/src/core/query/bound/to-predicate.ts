import { type ComparisonOperator, type Predicate, unknown } from "../../predicate/predicate.ts";
import type { ArithmeticOperator, Scalar } from "../../predicate/scalar.ts";
import { printType } from "../tree/print-literal.ts";
import type { LogicalType } from "../tree/tree.ts";
import { UnprintableError } from "../tree/unprintable.ts";
import type { BoundExpression } from "./bound-plan.ts";
import { literalText } from "./literal-text.ts";
import { sameWhenBound } from "./same-when-bound.ts";
import type { NeedFilter } from "./table-needs.ts";

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  COMPARE_EQUAL: "=",
  COMPARE_NOTEQUAL: "<>",
  COMPARE_LESSTHAN: "<",
  COMPARE_LESSTHANOREQUALTO: "<=",
  COMPARE_GREATERTHAN: ">",
  COMPARE_GREATERTHANOREQUALTO: ">=",
};

const arithmetic = new Set<string>(["+", "-", "*", "/", "//", "%", "||"]);

/**
 * The filters on a table as one predicate for pruning: one list of conjuncts for each place that scans it. What has
 * no place in predicates becomes `unknown`, which may be true for every row.
 */
export function needsPredicate(
  filters: readonly (readonly NeedFilter[])[],
  columns: readonly string[],
): Predicate {
  const scans = filters.map(
    (conjuncts): Predicate => ({
      kind: "and",
      terms: conjuncts.map(({ filter }) => toPredicate(filter, columns)),
    }),
  );
  const [only] = scans;
  return scans.length === 1 && only !== undefined ? only : { kind: "or", terms: scans };
}

/** One filter as a predicate over the named columns. */
export function toPredicate(e: BoundExpression, columns: readonly string[]): Predicate {
  const scalar = (child: BoundExpression) => toScalar(child, columns);
  const predicate = (child: BoundExpression) => toPredicate(child, columns);
  switch (e.expression_class) {
    case "BOUND_CONJUNCTION":
      return { kind: e.type === "CONJUNCTION_AND" ? "and" : "or", terms: e.children.map(predicate) };
    case "BOUND_COMPARISON": {
      const left = scalar(e.left);
      const right = scalar(e.right);
      if (left === undefined || right === undefined) return unknown;
      const op = comparisons[e.type];
      if (op !== undefined) return { kind: "compare", op, left, right };
      const distinct: Predicate = { kind: "is-distinct", left, right };
      if (e.type === "COMPARE_DISTINCT_FROM") return distinct;
      return e.type === "COMPARE_NOT_DISTINCT_FROM" ? { kind: "not", term: distinct } : unknown;
    }
    case "BOUND_BETWEEN": {
      const [value, low, high] = [scalar(e.input), scalar(e.lower), scalar(e.upper)];
      if (value === undefined || low === undefined || high === undefined) return unknown;
      if (e.lower_inclusive && e.upper_inclusive) return { kind: "between", value, low, high };
      return {
        kind: "and",
        terms: [
          { kind: "compare", op: e.lower_inclusive ? ">=" : ">", left: value, right: low },
          { kind: "compare", op: e.upper_inclusive ? "<=" : "<", left: value, right: high },
        ],
      };
    }
    case "BOUND_OPERATOR":
      return operator(e, columns);
    case "BOUND_FUNCTION":
      return like(e, columns) ?? boolean(e, columns);
    case "BOUND_REF":
    case "BOUND_CONSTANT":
    case "BOUND_CAST":
      return boolean(e, columns);
    default:
      return unknown;
  }
}

function operator(
  { type, children }: Extract<BoundExpression, { expression_class: "BOUND_OPERATOR" }>,
  columns: readonly string[],
): Predicate {
  const [first, ...rest] = children;
  if (first === undefined) return unknown;
  if (type === "OPERATOR_NOT") return { kind: "not", term: toPredicate(first, columns) };
  const value = toScalar(first, columns);
  if (value === undefined) return unknown;
  switch (type) {
    case "OPERATOR_IS_NULL":
      return { kind: "is-null", value };
    case "OPERATOR_IS_NOT_NULL":
      return { kind: "not", term: { kind: "is-null", value } };
    case "COMPARE_IN":
    case "COMPARE_NOT_IN": {
      const list = rest.map((item) => toScalar(item, columns));
      if (list.some((item) => item === undefined)) return unknown;
      const inList: Predicate = { kind: "in", value, list: list as Scalar[] };
      return type === "COMPARE_IN" ? inList : { kind: "not", term: inList };
    }
    default:
      return unknown;
  }
}

/** LIKE with a constant pattern, also where the engine made a prefix test of it. */
function like(
  f: Extract<BoundExpression, { expression_class: "BOUND_FUNCTION" }>,
  columns: readonly string[],
): Predicate | undefined {
  const [subject, constant] = f.children;
  if (subject === undefined || constant?.expression_class !== "BOUND_CONSTANT" || f.children.length > 2) {
    return undefined;
  }
  const value = toScalar(subject, columns);
  const text = literalText(constant.value);
  if (value === undefined || text === undefined) return undefined;
  const name = f.name.toLowerCase();
  if (name === "~~" || name === "!~~") {
    const matched: Predicate = { kind: "like", value, pattern: text };
    return name === "~~" ? matched : { kind: "not", term: matched };
  }
  if (name !== "prefix" && name !== "starts_with" && name !== "^@") return undefined;
  return { kind: "like", value, pattern: `${text.replaceAll(/[\\%_]/g, "\\$&")}%`, escape: "\\" };
}

function boolean(e: BoundExpression, columns: readonly string[]): Predicate {
  const value = toScalar(e, columns);
  return value === undefined ? unknown : { kind: "boolean", value };
}

function toScalar(e: BoundExpression, columns: readonly string[]): Scalar | undefined {
  switch (e.expression_class) {
    case "BOUND_REF": {
      const name = columns[e.index];
      const type = typeText(e.return_type);
      if (name === undefined || type === undefined) return undefined;
      const collation = e.return_type.type_info?.collation;
      return collation === undefined || collation === ""
        ? { kind: "column", name, type }
        : { kind: "column", name, type, collation };
    }
    case "BOUND_CONSTANT": {
      const type = typeText(e.value.type);
      if (type === undefined) return undefined;
      if (e.value.is_null) return { kind: "literal", type, value: null };
      const value = literalText(e.value);
      return value === undefined ? undefined : { kind: "literal", type, value };
    }
    case "BOUND_CAST": {
      const operand = toScalar(e.child, columns);
      const type = typeText(e.return_type);
      return e.try_cast || operand === undefined || type === undefined
        ? undefined
        : { kind: "cast", operand, type };
    }
    case "BOUND_FUNCTION":
      return callScalar(e, columns);
    default:
      return undefined;
  }
}

function callScalar(
  f: Extract<BoundExpression, { expression_class: "BOUND_FUNCTION" }>,
  columns: readonly string[],
): Scalar | undefined {
  if (!sameWhenBound.has(f.name) || f.original_arguments.length > 0) return undefined;
  const args = f.children.map((child) => toScalar(child, columns));
  if (args.some((arg) => arg === undefined)) return undefined;
  const [left, right] = args as Scalar[];
  if (arithmetic.has(f.name)) {
    if (left === undefined || right === undefined || args.length > 2) return undefined;
    return { kind: "arithmetic", op: f.name as ArithmeticOperator, left, right };
  }
  return { kind: "call", name: f.name.toLowerCase(), args: args as Scalar[] };
}

function typeText(type: LogicalType): string | undefined {
  try {
    return printType(type);
  } catch (error) {
    if (error instanceof UnprintableError) return undefined;
    throw error;
  }
}
