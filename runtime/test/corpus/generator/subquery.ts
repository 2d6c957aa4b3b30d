import { columnOf, condition } from "./expression.ts";
import { literal } from "./literal.ts";
import type { Kind } from "./schema.ts";
import { type Context, columnExpr, columnsOf, type Scope } from "./scope.ts";
import { type Expr, type Query, type Select, sql } from "./tree.ts";

/**
 * Subqueries in expressions, over one table each, half of them correlated by a key that both sides have. Gives the
 * maker that a {@link Scope} carries.
 */
export function subqueries(context: Context): NonNullable<Scope["subquery"]> {
  return (scope, kind) => (kind === "bool" ? test(context, scope) : scalar(context, scope, kind));
}

interface Source {
  readonly scope: Scope;
  readonly from: NonNullable<Select["from"]>;
  /** Conditions that tie it to the outer query; empty when there is nothing to tie it by. */
  readonly link: readonly Expr[];
}

function source(context: Context, outer: Scope, correlated: boolean): Source {
  const { rng } = outer;
  const table = context.table();
  const alias = context.alias("s");
  const scope: Scope = { rng, columns: columnsOf(table, alias) };
  const pairs = scope.columns.flatMap((inner) =>
    outer.columns
      .filter((o) => o.kind === inner.kind && o.name === inner.name && ["k", "region", "n"].includes(o.name))
      .map((o) => sql("bool")`(${columnExpr(inner)} = ${columnExpr(o)})`),
  );
  return {
    scope,
    from: { type: "table", name: table.name, alias, columns: table.columns.map((c) => c.name) },
    link: correlated && pairs.length > 0 ? [rng.pick(pairs)] : [],
  };
}

function query(select: Pick<Select, "items" | "from" | "where">): Query {
  return {
    ctes: [],
    orderBy: [],
    body: { type: "select", distinct: false, having: [], qualify: [], ...select },
  };
}

/** A subquery of one value: an aggregate without grouping. */
function scalar(context: Context, outer: Scope, kind: Kind): Expr {
  const { rng } = outer;
  const { scope, from, link } = source(context, outer, rng.chance(0.5));
  const argument = columnOf(scope, kind);
  const expr =
    kind === "int" && (argument === undefined || rng.chance(0.4))
      ? sql("int")`count(*)`
      : argument === undefined
        ? sql(kind)`max(${literal(rng, kind)})`
        : sql(kind)`${rng.pick(["min", "max"])}(${argument})`;
  const where = [...link, ...(rng.chance(0.4) ? [condition(scope, 1)] : [])];
  const tag = link.length > 0 ? "subquery:scalar correlated" : "subquery:scalar";
  return sql(kind, [tag])`${query({ items: [{ expr, alias: context.alias("v") }], from, where })}`;
}

/** EXISTS, IN, or a comparison with ANY or ALL. */
function test(context: Context, outer: Scope): Expr {
  const { rng } = outer;
  const make = rng.weighted({
    exists: 3,
    "not exists": 2.5,
    in: 3,
    "not in": 2.6,
    any: 1.5,
    all: 1.5,
    compare: 2,
  });
  if (make === "compare") {
    const kind = rng.pick(["int", "str"] as const);
    const left = columnOf(outer, kind);
    if (left !== undefined)
      return sql("bool")`(${left} ${rng.pick(["<", ">=", "<>"])} ${scalar(context, outer, kind)})`;
  }
  const { scope, from, link } = source(context, outer, rng.chance(0.5));
  const extra = rng.chance(0.5) ? [condition(scope, 1)] : [];
  const suffix = link.length > 0 ? " correlated" : "";
  if (make === "exists" || make === "not exists" || make === "compare") {
    const one = query({ items: [{ expr: sql("int")`1`, alias: "one" }], from, where: [...link, ...extra] });
    const not = make === "not exists";
    return sql("bool", [
      `subquery:${not ? "not exists" : "exists"}${suffix}`,
    ])`(${not ? "NOT " : ""}EXISTS ${one})`;
  }
  const kinds = (["int", "str", "date"] as const).filter(
    (k) => columnOf(outer, k) !== undefined && columnOf(scope, k) !== undefined,
  );
  const kind = kinds.length === 0 ? undefined : rng.pick(kinds);
  if (kind === undefined) return sql("bool")`(1 = 1)`;
  const list = query({
    items: [{ expr: columnOf(scope, kind)!, alias: context.alias("v") }],
    from,
    where: [...link, ...extra],
  });
  const left = columnOf(outer, kind)!;
  switch (make) {
    case "in":
      return sql("bool", [`subquery:in${suffix}`])`(${left} IN ${list})`;
    case "not in":
      return sql("bool", [`subquery:not in${suffix}`])`(${left} NOT IN ${list})`;
    case "any":
      return sql("bool", ["subquery:any"])`(${left} ${rng.pick(["=", "<", ">="])} ANY ${list})`;
    case "all":
      return sql("bool", ["subquery:all"])`(${left} ${rng.pick(["<>", "<", ">="])} ALL ${list})`;
  }
}
