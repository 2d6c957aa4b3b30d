import { quoteIdentifier } from "../../sql/quote.ts";
import { functionName } from "./function-name.ts";
import { printConstant, printType } from "./print-literal.ts";
import { printOrders } from "./print-orders.ts";
import { printWindow } from "./print-window.ts";
import type { Printer } from "./printer.ts";
import type {
  ConstantExpression,
  Expression,
  FunctionExpression,
  OperatorExpression,
  StarExpression,
  SubqueryExpression,
} from "./tree.ts";
import { UnprintableError } from "./unprintable.ts";

/** Operators of comparisons by their names in the tree. */
export const comparisonOperators: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: "=",
  COMPARE_NOTEQUAL: "<>",
  COMPARE_LESSTHAN: "<",
  COMPARE_GREATERTHAN: ">",
  COMPARE_LESSTHANOREQUALTO: "<=",
  COMPARE_GREATERTHANOREQUALTO: ">=",
  COMPARE_DISTINCT_FROM: "IS DISTINCT FROM",
  COMPARE_NOT_DISTINCT_FROM: "IS NOT DISTINCT FROM",
};

/** An expression as SQL, without its alias; in parentheses wherever precedence could matter. */
export function printExpression(p: Printer, expression: Expression): string {
  switch (expression.class) {
    case "COLUMN_REF":
      return expression.column_names.map(quoteIdentifier).join(".");
    case "CONSTANT":
      return printConstant(expression.value);
    case "FUNCTION":
      return printFunction(p, expression);
    case "WINDOW":
      return printWindow(p, expression);
    case "COMPARISON": {
      const operator = comparisonOperators[expression.type];
      if (operator === undefined) throw new UnprintableError(expression.type);
      return `(${p.expression(expression.left)} ${operator} ${p.expression(expression.right)})`;
    }
    case "CONJUNCTION": {
      const operator = expression.type === "CONJUNCTION_AND" ? " AND " : " OR ";
      return `(${expression.children.map((e) => p.expression(e)).join(operator)})`;
    }
    case "OPERATOR":
      return printOperator(p, expression);
    case "BETWEEN": {
      const { input, lower, upper } = expression;
      return `(${p.expression(input)} BETWEEN ${p.expression(lower)} AND ${p.expression(upper)})`;
    }
    case "CASE": {
      const checks = expression.case_checks.map(
        ({ when_expr, then_expr }) => `WHEN ${p.expression(when_expr)} THEN ${p.expression(then_expr)}`,
      );
      return `CASE ${checks.join(" ")} ELSE ${p.expression(expression.else_expr)} END`;
    }
    case "CAST": {
      const cast = expression.try_cast ? "TRY_CAST" : "CAST";
      return `${cast}(${p.expression(expression.child)} AS ${printType(expression.cast_type)})`;
    }
    case "COLLATE":
      return `(${p.expression(expression.child)} COLLATE ${expression.collation.split(".").map(quoteIdentifier).join(".")})`;
    case "SUBQUERY":
      return printSubquery(p, expression);
    case "STAR":
      return printStar(p, expression);
    case "LAMBDA":
      // The parser reads every `->` as a lambda; outside of list functions it is the operator on JSON.
      return `(${p.expression(expression.lhs)} -> ${p.expression(expression.expr)})`;
    case "PARAMETER":
      return `$${expression.identifier}`;
    case "POSITIONAL_REFERENCE":
      return `#${expression.index}`;
    default:
      return unknown(expression);
  }
}

function unknown(expression: never): never {
  throw new UnprintableError(`expression ${(expression as { class: string }).class}`);
}

function printFunction(p: Printer, f: FunctionExpression): string {
  if (f.is_operator && f.filter === null && !f.distinct) {
    const [left, right] = f.children as [Expression, Expression];
    if (f.function_name === "!__postfix") return `(${p.expression(left)} !)`;
    if (f.children.length === 1) {
      const operand = p.expression(left);
      return f.function_name === "-" ? `(-(${operand}))` : `(${f.function_name} (${operand}))`;
    }
    if (f.children.length === 2) {
      return `(${p.expression(left)} ${f.function_name} ${p.expression(right)})`;
    }
  }
  if (f.export_state) throw new UnprintableError("EXPORT_STATE");
  const orders = f.order_bys?.orders ?? [];
  const star = f.function_name === "count_star" && f.children.length === 0;
  const args = star ? "*" : f.children.map((e) => printArgument(p, f, e)).join(", ");
  const inner = `${f.distinct ? "DISTINCT " : ""}${args}${orders.length === 0 ? "" : ` ORDER BY ${printOrders(p, orders)}`}`;
  const name = star ? [f.catalog, f.schema, "count"].filter((p) => p !== "").join(".") : functionName(f);
  return `${name}(${inner})${f.filter === null ? "" : ` FILTER (WHERE ${p.expression(f.filter)})`}`;
}

/** Functions that take a lambda, by their names without `list_` and `array_`. */
const lambdaFunctions = new Set("transform apply filter reduce".split(" "));

/** An argument; in the tree a named one is an expression with an alias. */
function printArgument(p: Printer, f: FunctionExpression, argument: Expression): string {
  const name = f.function_name.toLowerCase().replace(/^(?:list|array)_/, "");
  const text =
    argument.class === "LAMBDA" && lambdaFunctions.has(name)
      ? `lambda ${lambdaParameters(p, argument.lhs)}: ${p.expression(argument.expr)}`
      : p.expression(argument);
  return argument.alias === "" ? text : `${quoteIdentifier(argument.alias)} := ${text}`;
}

function lambdaParameters(p: Printer, lhs: Expression): string {
  if (lhs.class === "FUNCTION" && lhs.function_name === "row") {
    return lhs.children.map((e) => p.expression(e)).join(", ");
  }
  return p.expression(lhs);
}

function printOperator(p: Printer, { type, children }: OperatorExpression): string {
  const [first, ...rest] = children.map((child, i) =>
    type === "ARRAY_SLICE" && i > 0 && isOpenBound(child) ? "" : p.expression(child),
  );
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
    case "OPERATOR_NULLIF":
      return `NULLIF(${[first, ...rest].join(", ")})`;
    case "OPERATOR_TRY":
      return `TRY(${first})`;
    case "GROUPING_FUNCTION":
      return `GROUPING(${[first, ...rest].join(", ")})`;
    case "ARRAY_EXTRACT":
      return `(${first})[${rest[0]}]`;
    case "ARRAY_SLICE":
      return `(${first})[${rest[0]}:${rest.length > 2 && rest[1] === "" ? "-" : rest[1]}${rest.length > 2 ? `:${rest[2]}` : ""}]`;
    case "STRUCT_EXTRACT":
      return `struct_extract(${first}, ${rest[0]})`;
    case "ARRAY_CONSTRUCTOR":
      return `ARRAY[${[first, ...rest].filter((item) => item !== undefined).join(", ")}]`;
    case "OPERATOR_UNPACK":
      return `*${first}`;
    default:
      throw new UnprintableError(`operator ${type}`);
  }
}

function isOpenBound(bound: Expression): bound is ConstantExpression {
  return bound.class === "CONSTANT" && bound.value.type.id === "LIST";
}

function printSubquery(p: Printer, subquery: SubqueryExpression): string {
  const query = `(${p.query(subquery.subquery.node)})`;
  switch (subquery.subquery_type) {
    case "SCALAR":
      return query;
    case "EXISTS":
      return `EXISTS ${query}`;
    case "NOT_EXISTS":
      return `(NOT EXISTS ${query})`;
    case "ANY": {
      const operator = comparisonOperators[subquery.comparison_type];
      if (operator === undefined || subquery.child === null) {
        throw new UnprintableError(`ANY with ${subquery.comparison_type}`);
      }
      const child = p.expression(subquery.child);
      return operator === "=" ? `(${child} IN ${query})` : `(${child} ${operator} ANY ${query})`;
    }
    default:
      throw new UnprintableError(`subquery ${subquery.subquery_type satisfies never}`);
  }
}

function printStar(p: Printer, star: StarExpression): string {
  if (star.expr !== null) {
    if (!star.columns) throw new UnprintableError("a star over an expression");
    return `COLUMNS(${p.expression(star.expr)})`;
  }
  const column = (c: { table: string; column: string }) =>
    [c.table, c.column]
      .filter((part) => part !== "")
      .map(quoteIdentifier)
      .join(".");
  let text = star.relation_name === "" ? "*" : `${quoteIdentifier(star.relation_name)}.*`;
  const excluded = [...star.exclude_list.map(quoteIdentifier), ...star.qualified_exclude_list.map(column)];
  if (excluded.length > 0) text += ` EXCLUDE (${excluded.join(", ")})`;
  if (star.replace_list.length > 0) {
    const items = star.replace_list.map(
      ({ key, value }) => `${p.expression(value)} AS ${quoteIdentifier(key)}`,
    );
    text += ` REPLACE (${items.join(", ")})`;
  }
  if (star.rename_list.length > 0) {
    text += ` RENAME (${star.rename_list.map(({ key, value }) => `${column(key)} AS ${quoteIdentifier(value)}`).join(", ")})`;
  }
  return star.columns ? `COLUMNS(${text})` : text;
}
