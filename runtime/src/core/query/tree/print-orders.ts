import type { Printer } from "./printer.ts";
import type { OrderBy } from "./tree.ts";

/** The terms of an ORDER BY. */
export function printOrders(p: Printer, orders: readonly OrderBy[]): string {
  return orders
    .map(({ type, null_order, expression }) => {
      const all = expression.class === "STAR" && expression.columns && expression.expr === null;
      const direction = type === "ORDER_DEFAULT" ? "" : type === "ASCENDING" ? " ASC" : " DESC";
      const nulls = null_order === "ORDER_DEFAULT" ? "" : ` ${null_order}`;
      return `${all ? "ALL" : p.expression(expression)}${direction}${nulls}`;
    })
    .join(", ");
}
