import type { ColumnRef, Expression } from "../tree/tree.ts";
import { type Scope, unqualified } from "./scope.ts";

/**
 * A text that is equal for expressions that are the same but for their places, their own alias, and the case and
 * qualification of names. (Aliases inside are names of arguments, as in `struct_pack(a := 1)`: part of the value.)
 */
export function canonical(expression: Expression, scope: Scope): string {
  return JSON.stringify({ ...expression, alias: "" }, (key, value: unknown) => {
    if (key === "query_location" || (key === "alias" && value === "")) return undefined;
    if (typeof value === "bigint") return `${value}n`;
    if (key === "function_name" || key === "schema") return String(value).toLowerCase();
    if (
      typeof value === "object" &&
      value !== null &&
      (value as { class?: unknown }).class === "COLUMN_REF"
    ) {
      return { class: "COLUMN_REF", column_names: unqualified(scope, value as ColumnRef) };
    }
    return value;
  });
}
