import { negated, type Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { atomConstraints, type Base } from "./atom.ts";
import { intersect, isNothing, union } from "./range-set.ts";
import type { Constraint } from "./through-function.ts";

/** Constraints by base that hold together. */
export type Alternative = ReadonlyMap<string, Constraint>;

/** More alternatives than this are merged into one, which may keep more partitions but never fewer. */
const mostAlternatives = 64;

/**
 * A filter as alternatives: where it is true, all constraints of at least one of them hold. None at all: it is never
 * true. An empty alternative says nothing.
 */
export function alternativesOf(predicate: Predicate, bases: readonly Base[]): Alternative[] {
  return build(predicate, false, bases);
}

function build(predicate: Predicate, negate: boolean, bases: readonly Base[]): Alternative[] {
  switch (predicate.kind) {
    case "unknown":
      return [new Map()];
    case "not":
      return build(predicate.term, !negate, bases);
    case "and":
    case "or": {
      const terms = predicate.terms.map((term) => build(term, negate, bases));
      return (predicate.kind === "and") === negate ? anyOf(terms.flat()) : allOf(terms);
    }
    case "boolean": {
      const literal: Scalar = { kind: "literal", type: "BOOLEAN", value: String(!negate) };
      return build({ kind: "compare", op: "=", left: predicate.value, right: literal }, false, bases);
    }
    case "between":
      return build(asComparisons(predicate), negate, bases);
    case "compare": {
      const op = negate ? negated[predicate.op] : predicate.op;
      return single(atomConstraints({ ...predicate, op }, false, bases));
    }
    case "in":
    case "is-null":
    case "is-distinct":
    case "like":
      return single(atomConstraints(predicate, negate, bases));
  }
}

function asComparisons({ value, low, high, symmetric }: Extract<Predicate, { kind: "between" }>): Predicate {
  const within = (from: Scalar, to: Scalar): Predicate => ({
    kind: "and",
    terms: [
      { kind: "compare", op: ">=", left: value, right: from },
      { kind: "compare", op: "<=", left: value, right: to },
    ],
  });
  return symmetric === true
    ? { kind: "or", terms: [within(low, high), within(high, low)] }
    : within(low, high);
}

function single(constraints: Alternative | false): Alternative[] {
  if (constraints === false) return [];
  return [...constraints.values()].some((constraint) => isNothing(constraint.set)) ? [] : [constraints];
}

function anyOf(alternatives: Alternative[]): Alternative[] {
  if (alternatives.some((alternative) => alternative.size === 0)) return [new Map()];
  const merged: Alternative[] = [];
  const simple = new Map<string, Constraint[]>();
  for (const alternative of alternatives) {
    const [first] = alternative;
    if (alternative.size === 1 && first![1].tests.length === 0) {
      const [base, constraint] = first!;
      const list = simple.get(base);
      if (list === undefined) simple.set(base, [constraint]);
      else list.push(constraint);
    } else merged.push(alternative);
  }
  for (const [base, list] of simple) {
    merged.push(new Map([[base, { set: union(list.map((constraint) => constraint.set)), tests: [] }]]));
  }
  return merged.length > mostAlternatives ? [hull(merged)] : merged;
}

function allOf(terms: readonly Alternative[][]): Alternative[] {
  let result: Alternative[] = [new Map()];
  for (const term of [...terms].sort((a, b) => a.length - b.length)) {
    const next = result.length * term.length > mostAlternatives ? [hull(term)] : term;
    result = result.flatMap((a) => next.flatMap((b) => together(a, b)));
  }
  return result;
}

function together(a: Alternative, b: Alternative): Alternative[] {
  const result = new Map(a);
  for (const [base, constraint] of b) {
    const other = result.get(base);
    const set = other === undefined ? constraint.set : intersect(other.set, constraint.set);
    if (isNothing(set)) return [];
    result.set(base, { set, tests: [...(other?.tests ?? []), ...constraint.tests] });
  }
  return [result];
}

/** One alternative that is true wherever one of these is. */
function hull(alternatives: readonly Alternative[]): Alternative {
  const [first, ...rest] = alternatives;
  const result = new Map<string, Constraint>();
  for (const [base, constraint] of first ?? []) {
    const others = rest.map((alternative) => alternative.get(base));
    if (others.includes(undefined)) continue;
    const sets = [constraint.set, ...others.map((other) => other!.set)];
    result.set(base, { set: union(sets), tests: [] });
  }
  return result;
}
