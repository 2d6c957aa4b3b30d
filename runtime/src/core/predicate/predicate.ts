import type { Scalar } from "./scalar.ts";

/**
 * A filter on the rows of one table: what the query planner gives to pruning, made from the engine's bound plan.
 * SQL's three-valued logic holds throughout: a row is selected when the predicate is true, not when it is NULL.
 *
 * Whatever cannot be expressed becomes `unknown`, which may be true for every row. Row values become `and` of
 * comparisons (`(a, b) = (1, 2)`), quantified comparisons `in`.
 */
export type Predicate =
  | { readonly kind: "and"; readonly terms: readonly Predicate[] }
  | { readonly kind: "or"; readonly terms: readonly Predicate[] }
  | { readonly kind: "not"; readonly term: Predicate }
  | {
      readonly kind: "compare";
      readonly op: ComparisonOperator;
      readonly left: Scalar;
      readonly right: Scalar;
    }
  | { readonly kind: "in"; readonly value: Scalar; readonly list: readonly Scalar[] }
  | {
      readonly kind: "between";
      readonly value: Scalar;
      readonly low: Scalar;
      readonly high: Scalar;
      /** `BETWEEN SYMMETRIC`: the bounds may come in either order. */
      readonly symmetric?: boolean;
    }
  | { readonly kind: "is-null"; readonly value: Scalar }
  | { readonly kind: "is-distinct"; readonly left: Scalar; readonly right: Scalar }
  /** `value LIKE pattern`, case-sensitive, with `%`, `_` and the escape character if there is one. */
  | { readonly kind: "like"; readonly value: Scalar; readonly pattern: string; readonly escape?: string }
  /** A boolean expression standing as a condition. */
  | { readonly kind: "boolean"; readonly value: Scalar }
  | { readonly kind: "unknown" };

export type ComparisonOperator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export const unknown: Predicate = { kind: "unknown" };

/** The operator that gives the same answer with the operands exchanged. */
export const reversed: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  "=": "=",
  "<>": "<>",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** The operator that is true where this one is false (and NULL where this one is NULL). */
export const negated: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  "=": "<>",
  "<>": "=",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
};
