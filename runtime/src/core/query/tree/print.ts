import { printExpression } from "./print-expression.ts";
import { printFrom } from "./print-from.ts";
import { printQuery } from "./print-query.ts";
import type { Printer } from "./printer.ts";

/**
 * Trees as SQL that parses to the same trees. The engine has `json_deserialize_sql`, but it loses parentheses around
 * joins, and a call of it costs as much as planning. Throws `UnprintableError` for a node without an SQL form.
 */
export const print: Printer = {
  query: (node) => printQuery(print, node),
  expression: (expression) => printExpression(print, expression),
  from: (ref) => printFrom(print, ref),
};
