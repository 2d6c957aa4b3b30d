import type { BaseTableRef, Expression, FunctionExpression } from "./tree.ts";

/** A reference to a table, a view or a CTE by its name. */
export function isBaseTable(node: object): node is BaseTableRef {
  return "type" in node && node.type === "BASE_TABLE";
}

/** Any expression; what is no expression of the tree has no class. */
export function isExpression(node: object): node is Expression {
  return "class" in node && typeof node.class === "string";
}

/** A call of a function, an aggregate included; not that of a window function. */
export function isFunctionCall(node: object): node is FunctionExpression {
  return isExpression(node) && node.class === "FUNCTION";
}
