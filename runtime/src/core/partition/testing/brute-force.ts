import type { ComparisonOperator, Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { parseColumnType } from "../column-type.ts";
import { compileScalar } from "../compute/compile.ts";
import { align } from "../prune/compare-types.ts";
import { likePattern } from "../prune/like.ts";
import { compareOrdered, toOrdered } from "../prune/ordered.ts";
import type { Value } from "../value.ts";

export type Row = ReadonlyMap<string, Value>;
/** Which of SQL's three values are possible: a set, for this evaluator does not know everything. */
type Truth = readonly (boolean | null)[];
const unknownTruth: Truth = [true, false, null];
const known = (value: boolean | null | undefined): Truth => (value === undefined ? unknownTruth : [value]);

/** Whether a filter may be true for one row, evaluated directly: what pruning is compared with. */
export function mayBeTrue(predicate: Predicate, row: Row): boolean {
  return evaluate(predicate, row).includes(true);
}

function evaluate(predicate: Predicate, row: Row): Truth {
  switch (predicate.kind) {
    case "unknown":
      return unknownTruth;
    case "not":
      return not(evaluate(predicate.term, row));
    case "and":
      return all(predicate.terms.map((term) => evaluate(term, row)));
    case "or":
      return any(predicate.terms.map((term) => evaluate(term, row)));
    case "compare":
      return compare(predicate.op, predicate.left, predicate.right, row);
    case "in":
      return any(predicate.list.map((item) => compare("=", predicate.value, item, row)));
    case "between": {
      const within = (low: Scalar, high: Scalar) =>
        all([compare(">=", predicate.value, low, row), compare("<=", predicate.value, high, row)]);
      const straight = within(predicate.low, predicate.high);
      return predicate.symmetric === true ? any([straight, within(predicate.high, predicate.low)]) : straight;
    }
    case "is-null": {
      const value = valueFor(predicate.value, row);
      return known(value === undefined ? undefined : value === null);
    }
    case "is-distinct": {
      const left = valueFor(predicate.left, row);
      const right = valueFor(predicate.right, row);
      if (left === undefined || right === undefined) return unknownTruth;
      if (left === null || right === null) return known(left !== right);
      return not(compare("=", predicate.left, predicate.right, row));
    }
    case "like": {
      const value = valueFor(predicate.value, row);
      if (value === null || value === undefined) return known(value);
      return known(likePattern(predicate.pattern, predicate.escape)?.test(value as string));
    }
    case "boolean": {
      const value = valueFor(predicate.value, row);
      return known(typeof value === "boolean" || value === null ? value : undefined);
    }
  }
}

function not(truth: Truth): Truth {
  return truth.map((value) => (value === null ? null : !value));
}

function all(truths: readonly Truth[]): Truth {
  return truths.reduce((left, right) => combine(left, right, false), [true]);
}

function any(truths: readonly Truth[]): Truth {
  return truths.reduce((left, right) => combine(left, right, true), [false]);
}

/** AND (which `false` decides) or OR (which `true` decides) of every pair. */
function combine(left: Truth, right: Truth, decides: boolean): Truth {
  const of = (a: boolean | null, b: boolean | null) => {
    if (a === decides || b === decides) return decides;
    return a === null || b === null ? null : !decides;
  };
  return [...new Set(left.flatMap((a) => right.map((b) => of(a, b))))];
}

const compiled = (scalar: Scalar, row: Row) =>
  compileScalar(scalar, (node) => {
    if (node.kind === "column" && row.has(node.name)) return parseColumnType(node.type);
    return undefined;
  });

function valueFor(scalar: Scalar, row: Row): Value | undefined {
  const column = columnIn(scalar);
  return compiled(scalar, row)?.apply(column === undefined ? null : row.get(column)!);
}

function columnIn(scalar: Scalar): string | undefined {
  switch (scalar.kind) {
    case "column":
      return scalar.name;
    case "literal":
      return undefined;
    case "cast":
      return columnIn(scalar.operand);
    case "arithmetic":
      return columnIn(scalar.left) ?? columnIn(scalar.right);
    case "call":
      return scalar.args.map(columnIn).find((name) => name !== undefined);
  }
}

function compare(op: ComparisonOperator, left: Scalar, right: Scalar, row: Row): Truth {
  const a = valueFor(left, row);
  const b = valueFor(right, row);
  if (a === null || b === null) return known(null);
  const turned = right.kind !== "literal";
  const fn = compiled(turned ? right : left, row);
  const constant = compiled(turned ? left : right, row);
  const aligned = fn === undefined || constant === undefined ? undefined : align(fn, constant);
  const column = columnIn(turned ? right : left);
  const value = aligned?.fn.apply(column === undefined ? null : row.get(column)!);
  if (aligned === undefined || value === undefined || value === null) return unknownTruth;
  const order = compareOrdered(toOrdered(value), toOrdered(aligned.value)) * (turned ? -1 : 1);
  switch (op) {
    case "=":
      return [order === 0];
    case "<>":
      return [order !== 0];
    case "<":
      return [order < 0];
    case "<=":
      return [order <= 0];
    case ">":
      return [order > 0];
    case ">=":
      return [order >= 0];
  }
}
