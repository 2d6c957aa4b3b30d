import { functionName } from "./function-name.ts";
import { printOrders } from "./print-orders.ts";
import type { Printer } from "./printer.ts";
import type { Expression, WindowExpression } from "./tree.ts";
import { UnprintableError } from "./unprintable.ts";

const excluded: Readonly<Record<string, string>> = {
  NO_OTHER: "",
  CURRENT_ROW: " EXCLUDE CURRENT ROW",
  GROUP: " EXCLUDE GROUP",
  TIES: " EXCLUDE TIES",
};

/** A window function call with its whole OVER clause. */
export function printWindow(p: Printer, w: WindowExpression): string {
  const extra = [w.offset_expr, w.default_expr].filter((e) => e !== null);
  const star = w.function_name === "count_star" && w.children.length === 0;
  const args = star ? "*" : [...w.children, ...extra].map((e) => p.expression(e)).join(", ");
  const orders = w.arg_orders.length === 0 ? "" : ` ORDER BY ${printOrders(p, w.arg_orders)}`;
  const inner = `${w.distinct ? "DISTINCT " : ""}${args}${orders}${w.ignore_nulls ? " IGNORE NULLS" : ""}`;
  const filter = w.filter_expr === null ? "" : ` FILTER (WHERE ${p.expression(w.filter_expr)})`;
  const name = star ? "count" : functionName(w);
  const over: string[] = [];
  if (w.partitions.length > 0)
    over.push(`PARTITION BY ${w.partitions.map((e) => p.expression(e)).join(", ")}`);
  if (w.orders.length > 0) over.push(`ORDER BY ${printOrders(p, w.orders)}`);
  const frame = printFrame(p, w);
  if (frame !== "") over.push(frame);
  return `${name}(${inner})${filter} OVER (${over.join(" ")})`;
}

function printFrame(p: Printer, w: WindowExpression): string {
  const exclude = excluded[w.exclude_clause];
  if (exclude === undefined) throw new UnprintableError(`EXCLUDE ${w.exclude_clause}`);
  const isDefault = w.start === "UNBOUNDED_PRECEDING" && w.end === "CURRENT_ROW_RANGE";
  if (isDefault && exclude === "") return "";
  const unit = unitOf(w.start) ?? unitOf(w.end) ?? "ROWS";
  return `${unit} BETWEEN ${bound(p, w.start, w.start_expr)} AND ${bound(p, w.end, w.end_expr)}${exclude}`;
}

function unitOf(boundary: string): string | undefined {
  return /_(ROWS|RANGE|GROUPS)$/.exec(boundary)?.[1];
}

function bound(p: Printer, boundary: string, expression: Expression | null): string {
  if (boundary === "UNBOUNDED_PRECEDING") return "UNBOUNDED PRECEDING";
  if (boundary === "UNBOUNDED_FOLLOWING") return "UNBOUNDED FOLLOWING";
  if (boundary.startsWith("CURRENT_ROW")) return "CURRENT ROW";
  const direction = /^EXPR_(PRECEDING|FOLLOWING)_/.exec(boundary)?.[1];
  if (direction === undefined || expression === null) throw new UnprintableError(`a frame from ${boundary}`);
  return `${p.expression(expression)} ${direction}`;
}
