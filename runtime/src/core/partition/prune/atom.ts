import { type ComparisonOperator, type Predicate, reversed } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import type { ColumnType } from "../column-type.ts";
import { compileScalar } from "../compute/compile.ts";
import type { Compiled } from "../compute/compiled.ts";
import { FunctionArgumentError } from "../expression/functions.ts";
import type { Value } from "../value.ts";
import { align, isOrdered } from "./compare-types.ts";
import { likePattern } from "./like.ts";
import { type Ordered, toOrdered } from "./ordered.ts";
import {
  between,
  complement,
  contains,
  notNull,
  onlyNull,
  points,
  type RangeSet,
  union,
} from "./range-set.ts";
import { type Constraint, preimage } from "./through-function.ts";

/** Something whose value a partition may know: a partitioned column, or a partition expression. */
export interface Base {
  readonly id: string;
  readonly type: ColumnType;
  accepts(node: Scalar): boolean;
}

/**
 * What must hold of each base for the condition to be true: all of them necessary, none of them sufficient.
 * `false`: the condition is never true.
 */
export type AtomResult = ReadonlyMap<string, Constraint> | false;

type Condition = Exclude<Predicate, { kind: "and" | "or" | "not" | "unknown" | "between" | "boolean" }>;

const none: AtomResult = new Map();

/** The constraints of a condition, or of its negation (true where it is false). */
export function atomConstraints(condition: Condition, negate: boolean, bases: readonly Base[]): AtomResult {
  switch (condition.kind) {
    case "compare":
      return compare(condition.op, condition.left, condition.right, bases);
    case "in":
      return inList(condition.value, condition.list, negate, bases);
    case "is-null":
      return through(condition.value, bases, () => (negate ? notNull : onlyNull));
    case "is-distinct":
      return distinct(condition.left, condition.right, !negate, bases);
    case "like":
      return like(condition.value, condition.pattern, condition.escape, negate, bases);
  }
}

const constantOf = (scalar: Scalar): Compiled | undefined => compileSafely(scalar, () => undefined);

function compileSafely(
  scalar: Scalar,
  variable: (node: Scalar) => ColumnType | undefined,
): Compiled | undefined {
  try {
    return compileScalar(scalar, variable);
  } catch (error) {
    // A wrong call of bucket or truncate: the engine will say so.
    if (error instanceof FunctionArgumentError) return undefined;
    throw error;
  }
}

function compare(op: ComparisonOperator, left: Scalar, right: Scalar, bases: readonly Base[]): AtomResult {
  const leftConstant = constantOf(left);
  const rightConstant = constantOf(right);
  if (isNull(leftConstant) || isNull(rightConstant)) return false;
  if (leftConstant !== undefined && rightConstant !== undefined) {
    const aligned = align(leftConstant, rightConstant);
    const value = leftConstantValue(aligned?.fn);
    if (aligned === undefined || value === undefined || !isOrdered(aligned.fn)) return none;
    return contains(rangeOf(op, toOrdered(aligned.value)), value) ? none : false;
  }
  if (rightConstant !== undefined) {
    return through(left, bases, (fn) => against(fn, rightConstant, (x) => rangeOf(op, x), op));
  }
  if (leftConstant !== undefined) {
    const turned = reversed[op];
    return through(right, bases, (fn) => against(fn, leftConstant, (x) => rangeOf(turned, x), turned));
  }
  return bothSides(op, left, right, bases);
}

const isNull = (constant: Compiled | undefined) => constant !== undefined && constant.apply(null) === null;

function leftConstantValue(fn: Compiled | undefined): Ordered | undefined {
  const value = fn?.apply(null);
  return value === null || value === undefined ? undefined : toOrdered(value);
}

/** The wanted results of `fn` in the type in which it is compared with the constant. */
interface Wanted {
  readonly fn: Compiled;
  readonly set: RangeSet;
}

function against(
  fn: Compiled,
  constant: Compiled,
  range: (x: Ordered) => RangeSet,
  op: ComparisonOperator,
): Wanted | undefined {
  const aligned = align(fn, constant);
  if (aligned === undefined) return undefined;
  if (op !== "=" && op !== "<>" && !isOrdered(aligned.fn)) return undefined;
  return { fn: aligned.fn, set: range(toOrdered(aligned.value)) };
}

function rangeOf(op: ComparisonOperator, x: Ordered): RangeSet {
  switch (op) {
    case "=":
      return points([x]);
    case "<>":
      return complement(points([x]));
    case "<":
      return between(undefined, false, x, true);
    case "<=":
      return between(undefined, false, x, false);
    case ">":
      return between(x, true, undefined, false);
    case ">=":
      return between(x, false, undefined, false);
  }
}

/** For every base that the expression can be computed from: which of its values give a wanted result. */
function through(
  scalar: Scalar,
  bases: readonly Base[],
  wanted: (fn: Compiled) => RangeSet | Wanted | undefined,
): AtomResult {
  const result = new Map<string, Constraint>();
  for (const base of bases) {
    const fn = compileSafely(scalar, (node) => (base.accepts(node) ? base.type : undefined));
    if (fn === undefined || fn.constant) continue;
    const want = wanted(fn);
    if (want === undefined) continue;
    const { fn: final, set } = "fn" in want ? want : { fn, set: want };
    result.set(base.id, preimage(final, base.type, set));
  }
  return result;
}

function bothSides(op: ComparisonOperator, left: Scalar, right: Scalar, bases: readonly Base[]): AtomResult {
  const result = new Map<string, Constraint>();
  for (const base of bases) {
    const variable = (node: Scalar) => (base.accepts(node) ? base.type : undefined);
    const a = compileSafely(left, variable);
    const b = a === undefined ? undefined : compileSafely(right, variable);
    if (a === undefined || b === undefined || a.type.kind !== b.type.kind || !isOrdered(a)) continue;
    if (a.type.kind === "decimal" || a.type.kind === "timestamp") continue;
    const test = (value: Value) => {
      const x = a.apply(value);
      const y = b.apply(value);
      if (x === undefined || y === undefined) return true;
      return x !== null && y !== null && contains(rangeOf(op, toOrdered(y)), toOrdered(x));
    };
    result.set(base.id, { set: { ...notNull, nulls: true }, tests: [test] });
  }
  return result;
}

function inList(value: Scalar, list: readonly Scalar[], negate: boolean, bases: readonly Base[]): AtomResult {
  const constants = list.map(constantOf);
  if (negate && constants.some(isNull)) return false;
  const present = constants.filter((constant) => constant !== undefined && !isNull(constant)) as Compiled[];
  const complete = constants.every((constant) => constant !== undefined);
  if (!complete && !negate) return none;
  if (present.length === 0) return complete && !negate ? false : none;
  return through(value, bases, (fn) => {
    const wanted: Ordered[] = [];
    let final: Compiled | undefined;
    for (const constant of present) {
      const aligned = align(fn, constant);
      // Several types in one list: the engine has cast them all, so this is not expected.
      if (aligned === undefined || (final !== undefined && aligned.fn.type.kind !== final.type.kind))
        return undefined;
      if (final !== undefined && scaleOf(aligned.fn.type) !== scaleOf(final.type)) return undefined;
      final = aligned.fn;
      wanted.push(toOrdered(aligned.value));
    }
    const set = points(wanted);
    return { fn: final!, set: negate ? complement(set) : set };
  });
}

const scaleOf = (type: ColumnType) => (type.kind === "decimal" ? type.scale : 0);

function distinct(left: Scalar, right: Scalar, wantDistinct: boolean, bases: readonly Base[]): AtomResult {
  const leftConstant = constantOf(left);
  const rightConstant = constantOf(right);
  const constant = rightConstant ?? leftConstant;
  if (constant === undefined || (leftConstant !== undefined && rightConstant !== undefined)) return none;
  const other = rightConstant === undefined ? right : left;
  if (isNull(constant)) return through(other, bases, () => (wantDistinct ? notNull : onlyNull));
  return through(other, bases, (fn) =>
    against(
      fn,
      constant,
      (x) => (wantDistinct ? union([complement(points([x])), onlyNull]) : points([x])),
      wantDistinct ? "<>" : "=",
    ),
  );
}

function like(
  value: Scalar,
  pattern: string,
  escapeBy: string | undefined,
  negate: boolean,
  bases: readonly Base[],
): AtomResult {
  const parsed = likePattern(pattern, escapeBy);
  if (parsed === undefined) return none;
  const result = new Map<string, Constraint>();
  for (const base of bases) {
    const fn = compileSafely(value, (node) => (base.accepts(node) ? base.type : undefined));
    if (fn === undefined || fn.constant || fn.type.kind !== "varchar") continue;
    const range = negate ? (parsed.exact ? complement(parsed.range) : notNull) : parsed.range;
    const { set, tests } = preimage(fn, base.type, range);
    const test = (v: Value) => {
      const text = fn.apply(v);
      return text === undefined || (typeof text === "string" && parsed.test(text) !== negate);
    };
    result.set(base.id, { set, tests: parsed.exact ? tests : [...tests, test] });
  }
  return result;
}
