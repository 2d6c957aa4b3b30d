import { quoteIdentifier } from "../../sql/quote.ts";
import { comparisonOperators } from "../tree/print-expression.ts";
import { printConstant, printType } from "../tree/print-literal.ts";
import { UnprintableError } from "../tree/unprintable.ts";
import type { BoundExpression, RowFilter } from "./bound-plan.ts";
import { sameWhenBound } from "./same-when-bound.ts";

/**
 * A filter on a table's rows as SQL over its columns, or undefined when the engine's bound form cannot be written
 * back: leaving it out is sound, for the statement tests it again.
 */
export function filterSql(filter: RowFilter, columns: readonly string[]): string | undefined {
  try {
    return print(filter, columns);
  } catch (error) {
    if (error instanceof UnprintableError) return undefined;
    throw error;
  }
}

function print(e: BoundExpression, columns: readonly string[]): string {
  const p = (child: BoundExpression) => print(child, columns);
  switch (e.expression_class) {
    case "BOUND_REF": {
      const name = columns[e.index];
      if (name === undefined) throw new UnprintableError(`column ${e.index}`);
      return quoteIdentifier(name);
    }
    case "BOUND_CONSTANT":
      return printConstant(e.value);
    case "BOUND_COMPARISON": {
      const operator = comparisonOperators[e.type];
      if (operator === undefined) throw new UnprintableError(e.type);
      return `(${p(e.left)} ${operator} ${p(e.right)})`;
    }
    case "BOUND_CONJUNCTION":
      return `(${e.children.map(p).join(e.type === "CONJUNCTION_AND" ? " AND " : " OR ")})`;
    case "BOUND_BETWEEN": {
      const input = p(e.input);
      const low = `${input} ${e.lower_inclusive ? ">=" : ">"} ${p(e.lower)}`;
      return `(${low} AND ${input} ${e.upper_inclusive ? "<=" : "<"} ${p(e.upper)})`;
    }
    case "BOUND_CASE": {
      const checks = e.case_checks.map(
        ({ when_expr, then_expr }) => `WHEN ${p(when_expr)} THEN ${p(then_expr)}`,
      );
      return `CASE ${checks.join(" ")} ELSE ${p(e.else_expr)} END`;
    }
    case "BOUND_CAST":
      return `${e.try_cast ? "TRY_CAST" : "CAST"}(${p(e.child)} AS ${printType(e.return_type)})`;
    case "BOUND_OPERATOR":
      return printOperator(e.type, e.children.map(p));
    case "BOUND_FUNCTION":
      return printFunction(e, e.children.map(p));
    default:
      throw new UnprintableError(String((e as { expression_class: unknown }).expression_class));
  }
}

function printOperator(type: string, [first, ...rest]: string[]): string {
  switch (type) {
    case "OPERATOR_NOT":
      return `(NOT ${first})`;
    case "OPERATOR_IS_NULL":
      return `(${first} IS NULL)`;
    case "OPERATOR_IS_NOT_NULL":
      return `(${first} IS NOT NULL)`;
    case "COMPARE_IN":
      return `(${first} IN (${rest.join(", ")}))`;
    case "COMPARE_NOT_IN":
      return `(${first} NOT IN (${rest.join(", ")}))`;
    case "OPERATOR_COALESCE":
      return `COALESCE(${[first, ...rest].join(", ")})`;
    default:
      throw new UnprintableError(type);
  }
}

function printFunction(
  f: Extract<BoundExpression, { expression_class: "BOUND_FUNCTION" }>,
  args: readonly string[],
): string {
  if (!sameWhenBound.has(f.name) || f.original_arguments.length > 0) throw new UnprintableError(f.name);
  if (!f.is_operator) return `${quoteIdentifier(f.name)}(${args.join(", ")})`;
  if (args.length === 1) return `(${f.name}(${args[0]}))`;
  return `(${args[0]} ${f.name} ${args[1]})`;
}
