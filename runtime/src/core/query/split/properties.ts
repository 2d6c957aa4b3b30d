import { expressionFunctionClass, functionClass, isAggregate } from "../allow/function-class.ts";
import { isFunctionCall } from "../tree/is-node.ts";
import type { Expression, FunctionExpression, SelectNode } from "../tree/tree.ts";
import { type TreeObject, walk } from "../tree/walk.ts";

/** What a part of a statement contains, at any depth unless said otherwise. */
export interface Properties {
  /** Aggregate calls outside of subqueries. */
  readonly aggregates: boolean;
  /** Window calls outside of subqueries. */
  readonly windows: boolean;
  /** `random()` and its like. */
  readonly volatile: boolean;
  /** Reads a table, a view or a common table expression. */
  readonly tables: boolean;
  readonly subqueries: boolean;
  /** `unnest` in a select list: makes several rows of one. */
  readonly unnest: boolean;
  readonly collations: boolean;
  readonly samples: boolean;
}

export function propertiesOf(part: unknown): Properties {
  const found = {
    aggregates: false,
    windows: false,
    volatile: false,
    tables: false,
    subqueries: false,
    unnest: false,
    collations: false,
    samples: false,
  };
  const visit = (node: unknown, inSubquery: boolean) => {
    walk(node, (object) => {
      if (object["class"] === "SUBQUERY") {
        found.subqueries = true;
        visit(object["subquery"], true);
        visit(object["child"], inSubquery);
        return false;
      }
      if (object["class"] === "WINDOW" && !inSubquery) found.windows = true;
      if (object["class"] === "FUNCTION") noteFunction(object, inSubquery);
      if (object["class"] === "COLLATE") found.collations = true;
      if (object["type"] === "BASE_TABLE") found.tables = true;
      if (object["sample"] !== undefined && object["sample"] !== null) found.samples = true;
      return true;
    });
  };
  const noteFunction = (object: TreeObject, inSubquery: boolean) => {
    const name = String(object["function_name"]).toLowerCase();
    if (!inSubquery && isAggregateCall(object)) found.aggregates = true;
    if (expressionFunctionClass(name) === "volatile") found.volatile = true;
    if (name === "unnest") found.unnest = true;
  };
  visit(part, false);
  return found;
}

/** True for a call of an aggregate function that is not a window call. */
export function isAggregateCall(object: object): object is FunctionExpression {
  if (!isFunctionCall(object)) return false;
  const name = object.function_name.toLowerCase();
  // `histogram` and a few others are names of scalar macros too, which expand to the aggregate.
  return isAggregate(name) && functionClass("table", name) === undefined;
}

/** Calls of macros that hide an aggregate: they cannot be split by name. */
const aggregateMacros = new Set(
  "wavg weighted_avg geomean geometric_mean histogram json_group_array json_group_object json_group_structure".split(
    " ",
  ),
);

export function callsAggregateMacro(part: unknown): boolean {
  let found = false;
  walk(part, (object) => {
    if (
      object["class"] === "FUNCTION" &&
      aggregateMacros.has(String(object["function_name"]).toLowerCase())
    ) {
      found = true;
    }
    return !found;
  });
  return found;
}

/** True when a SELECT groups or aggregates. */
export function isAggregation(node: SelectNode): boolean {
  return (
    node.aggregate_handling === "FORCE_AGGREGATES" ||
    node.group_expressions.length > 0 ||
    node.group_sets.length > 0 ||
    node.having !== null ||
    [...node.select_list, ...orderExpressions(node)].some((e) => propertiesOf(e).aggregates)
  );
}

/** The expressions that a SELECT is ordered by. */
export function orderExpressions(node: SelectNode): readonly Expression[] {
  return node.modifiers.flatMap((m) =>
    m.type === "ORDER_MODIFIER" ? m.orders.map(({ expression }) => expression) : [],
  );
}
