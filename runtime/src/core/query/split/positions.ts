import type { Expression } from "../tree/tree.ts";

/** The position that a bare integer in GROUP BY or ORDER BY means. */
export function ordinalOf(expression: Expression): number | undefined {
  if (expression.class !== "CONSTANT" || expression.value.is_null) return undefined;
  const { type, value } = expression.value;
  return type.id === "INTEGER" && typeof value === "number" ? value : undefined;
}

/** `ORDER BY ALL`. */
export function isOrderAll(expression: Expression): boolean {
  return expression.class === "STAR" && expression.columns && expression.expr === null;
}
