import { literal } from "./literal.ts";
import { predicate } from "./predicate.ts";
import type { Kind } from "./schema.ts";
import { columnExpr, type Scope } from "./scope.ts";
import { type Expr, sql } from "./tree.ts";

/** Kinds that may be grouped, compared, joined and handed on by a subquery. */
export const firmKinds = ["int", "big", "dec", "dbl", "wild", "str", "date", "ts", "bool"] as const;

/** A column of the kind, or nothing when the scope has none. */
export function columnOf(scope: Scope, kind: Kind): Expr | undefined {
  const columns = scope.columns.filter((c) => c.kind === kind);
  return columns.length === 0 ? undefined : columnExpr(scope.rng.pick(columns));
}

/** A column of any firm kind. */
export function anyColumn(scope: Scope, kinds: readonly Kind[] = firmKinds): Expr | undefined {
  const columns = scope.columns.filter((c) => kinds.includes(c.kind));
  return columns.length === 0 ? undefined : columnExpr(scope.rng.pick(columns));
}

/**
 * A scalar expression of the kind. It cannot fail at run time on any row of the awkward tables (no overflow, no bad
 * cast), so that it does not matter which rows an engine evaluates it on.
 */
export function expression(scope: Scope, kind: Kind, depth = 2): Expr {
  const { rng } = scope;
  const leaf = () => columnOf(scope, kind) ?? literal(rng, kind);
  if (depth <= 0 || rng.chance(0.3)) return rng.chance(0.9) ? leaf() : literal(rng, kind);
  if (scope.subquery !== undefined && rng.chance(0.04) && ["int", "str", "date"].includes(kind))
    return scope.subquery(scope, kind);
  if (rng.chance(0.2)) return anyKind(scope, kind, depth);
  const sub = (k: Kind) => expression(scope, k, depth - 1);
  switch (kind) {
    case "int":
      return int(scope, depth);
    case "dec":
      return rng.pick([
        () => sql("dec")`abs(${leaf()})`,
        () => sql("dec")`(${leaf()} + ${rng.int(1, 9)}.25)`,
        () => sql("dec")`(-(${leaf()}))`,
        () => sql("dec")`coalesce(${leaf()}, 0.00)`,
      ])();
    case "dbl":
      return rng.pick([
        () => sql("dbl")`(${leaf()} * 0.5)`,
        () => sql("dbl")`(${leaf()} - 0.25)`,
        () => sql("dbl")`(${sub("int")} / 4)`,
        () => sql("dbl")`abs(${leaf()})`,
      ])();
    case "str":
      return text(scope, depth);
    case "date":
      return rng.pick([
        () => sql("date")`(${leaf()} + ${rng.int(-40, 400)})`,
        () => sql("date")`last_day(${leaf()})`,
        () => sql("date")`CAST(${sub("ts")} AS DATE)`,
        () => sql("date")`CAST(date_trunc('${rng.pick(["month", "year", "week"])}', ${sub("date")}) AS DATE)`,
      ])();
    case "ts":
      return rng.pick([
        () => sql("ts")`date_trunc('${rng.pick(["hour", "day", "month", "minute"])}', ${leaf()})`,
        () => sql("ts")`(${leaf()} + INTERVAL '${rng.int(1, 40)} ${rng.pick(["days", "hours", "months"])}')`,
        () => sql("ts")`CAST(${sub("date")} AS TIMESTAMP)`,
      ])();
    case "bool":
      return predicate({ ...scope, subquery: undefined }, operand, depth - 1);
    default:
      return leaf();
  }
}

/** What predicates compare: simple expressions. */
export function operand(scope: Scope, kind: Kind, depth: number): Expr {
  return expression(scope, kind, Math.min(depth, 1));
}

/** A condition over the scope's columns. */
export function condition(scope: Scope, depth = 2): Expr {
  return predicate(scope, operand, depth);
}

function anyKind(scope: Scope, kind: Kind, depth: number): Expr {
  const { rng } = scope;
  const plain = { ...scope, subquery: undefined };
  const sub = () => expression(plain, kind, depth - 1);
  return rng.pick([
    () => sql(kind, ["expr:case"])`CASE WHEN ${condition(plain, 0)} THEN ${sub()} ELSE ${sub()} END`,
    () => sql(kind, ["expr:case"])`CASE WHEN ${condition(plain, 0)} THEN ${sub()} END`,
    () => sql(kind, ["expr:coalesce"])`coalesce(${sub()}, ${literal(rng, kind)})`,
    () => sql(kind, ["expr:nullif"])`nullif(${sub()}, ${literal(rng, kind)})`,
    () => sql(kind, ["expr:greatest"])`${rng.pick(["greatest", "least"])}(${sub()}, ${literal(rng, kind)})`,
  ])();
}

function int(scope: Scope, depth: number): Expr {
  const { rng } = scope;
  const sub = (k: Kind) => expression(scope, k, depth - 1);
  return rng.pick([
    () => sql("int")`(${sub("int")} + ${sub("int")})`,
    () => sql("int")`(${sub("int")} - ${rng.int(1, 50)})`,
    () => sql("int")`(${columnOf(scope, "int") ?? literal(rng, "int")} * ${rng.int(2, 10)})`,
    () => sql("int")`(${sub("int")} % ${rng.int(2, 12)})`,
    () => sql("int")`(${sub("int")} // ${rng.int(2, 12)})`,
    () => sql("int")`abs(${sub("int")})`,
    () => sql("int")`(${sub("int")} & ${rng.pick([1, 3, 15])})`,
    () => sql("int")`length(${sub("str")})`,
    () => sql("int")`date_part('${rng.pick(["year", "month", "day", "dow"])}', ${sub("date")})`,
    () => sql("int")`extract(${rng.pick(["hour", "minute", "quarter"])} FROM ${sub("ts")})`,
    () => sql("int")`date_diff('day', ${sub("date")}, DATE '2024-03-01')`,
  ])();
}

function text(scope: Scope, depth: number): Expr {
  const { rng } = scope;
  const sub = (k: Kind) => expression(scope, k, depth - 1);
  return rng.pick([
    () => sql("str")`${rng.pick(["lower", "upper", "trim", "reverse"])}(${sub("str")})`,
    () => sql("str")`substr(${sub("str")}, 1, ${rng.int(1, 4)})`,
    () => sql("str")`(${sub("str")} || ${literal(rng, "str")})`,
    () => sql("str")`concat(${sub("str")}, '-', ${sub("int")})`,
    () => sql("str")`CAST(${sub("int")} AS VARCHAR)`,
    () => sql("str")`replace(${sub("str")}, 'e', 'E')`,
    () => sql("str")`strftime(${sub("date")}, '%Y-%m')`,
  ])();
}
