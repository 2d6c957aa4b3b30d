import { aggregate } from "./aggregate.ts";
import { anyColumn, columnOf, condition, expression, firmKinds } from "./expression.ts";
import { type Derive, type Source, source } from "./from.ts";
import { literal } from "./literal.ts";
import type { Kind } from "./schema.ts";
import { type Context, columnExpr, type Scope } from "./scope.ts";
import { subqueries } from "./subquery.ts";
import { type Expr, type Group, type Item, type Select, sql } from "./tree.ts";
import { windowCall } from "./window.ts";

export interface SelectOptions {
  /** Output kinds that the select must have, for set operations; otherwise its own choice. */
  readonly kinds?: readonly Kind[];
  /** Only firm values, for subqueries and set operations. */
  readonly firm: boolean;
  readonly form?: "plain" | "aggregate" | "window";
}

export interface SizedSelect {
  readonly select: Select;
  /** Rows of its answer, about. */
  readonly rows: number;
}

/** One SELECT block: plain, grouped or with windows. */
export function select(context: Context, derive: Derive, options: SelectOptions): SizedSelect {
  const { rng } = context;
  const from = source(context, derive);
  const made = selectFrom(context, from, options, rng.chance(0.9) ? subqueries(context) : undefined);
  return { select: made, rows: made.group === undefined ? from.rows : Math.min(from.rows, 400) };
}

/** A SELECT block over a given FROM clause. */
export function selectFrom(
  context: Context,
  from: Source,
  options: SelectOptions,
  subquery?: Scope["subquery"],
): Select {
  const { rng } = context;
  const scope: Scope = { rng, columns: from.columns, ...(subquery === undefined ? {} : { subquery }) };
  const where = rng.chance(0.55) ? Array.from({ length: rng.int(1, 2) }, () => condition(scope, 1)) : [];
  const base = { type: "select", from: from.from, where, having: [], qualify: [], distinct: false } as const;
  const form =
    options.kinds !== undefined
      ? "kinds"
      : (options.form ?? rng.weighted({ plain: 3, aggregate: 5, window: 3 }));
  switch (form) {
    case "kinds":
      return { ...base, items: options.kinds!.map((kind) => item(context, expression(scope, kind, 1))) };
    case "plain":
      return { ...base, items: plainItems(context, scope, options), distinct: rng.chance(0.15) };
    case "window": {
      const windows = Array.from({ length: rng.int(1, 2) }, () => windowCall(scope, from.unique));
      const shown = from.unique?.map((c) => columnExpr(c)) ?? [];
      const firm = options.firm ? windows.filter((w) => w.kind !== "inexact") : windows;
      const items = [...shown, ...columns(scope, 1), ...firm].map((e) => item(context, e));
      const qualify =
        rng.chance(0.2) && from.unique !== undefined
          ? [sql("bool", ["qualify"])`(${windowCall(scope, from.unique)} IS NOT NULL)`]
          : [];
      return { ...base, items: items.length > 0 ? items : plainItems(context, scope, options), qualify };
    }
    case "aggregate":
      return { ...base, ...grouped(context, scope, options) };
  }
}

function plainItems(context: Context, scope: Scope, options: SelectOptions): Item[] {
  const { rng } = context;
  return Array.from({ length: rng.int(1, 4) }, () => {
    const kind = rng.pick(options.firm ? firmKinds : [...firmKinds, "dec" as const]);
    const present = scope.columns.some((c) => c.kind === kind) ? kind : "int";
    return item(
      context,
      rng.chance(0.55) ? (anyColumn(scope) ?? literal(rng, "int")) : expression(scope, present, 2),
    );
  });
}

function columns(scope: Scope, count: number): Expr[] {
  return Array.from({ length: count }, () => anyColumn(scope)).filter((e) => e !== undefined);
}

function item(context: Context, expr: Expr): Item {
  return { expr, alias: context.alias("c") };
}

function grouped(
  context: Context,
  scope: Scope,
  options: SelectOptions,
): Pick<Select, "items" | "having"> & { group?: Group } {
  const { rng } = context;
  const calls = Array.from({ length: rng.int(1, 3) }, () => aggregate(scope, { firm: options.firm }));
  const values: Item[] = calls.map((call) => ({ ...call, alias: context.alias("c") }));
  const form = rng.weighted({
    none: 2,
    expressions: 4,
    ordinals: 1.2,
    all: 1.2,
    sets: 1.1,
    rollup: 1.1,
    cube: 0.9,
  });
  const having = () => {
    const { expr } = aggregate(scope, { firm: true });
    return expr.kind === "bool"
      ? sql("bool", ["having"])`(${expr} IS NOT FALSE)`
      : sql("bool", [
          "having",
        ])`(${expr} ${rng.pick([">", ">=", "<>"])} ${literal(rng, expr.kind === "big" ? "int" : expr.kind)})`;
  };
  if (form === "none") return { items: values, having: [] };
  const keys = distinctKeys(
    scope,
    form === "sets" || form === "cube" || form === "rollup" ? 2 : rng.int(1, 2),
  );
  const drawn = rng
    .sample([[0], [1], [0, 1], []], rng.int(2, 4))
    .map((set) => set.filter((i) => i < keys.length));
  // Every key stands in one set at least: a select list may name no other.
  const sets = [...drawn, ...keys.flatMap((_, i) => (drawn.some((set) => set.includes(i)) ? [] : [[i]]))];
  const shown = keys.map((key) => item(context, key));
  const grouping =
    ["sets", "rollup", "cube"].includes(form) && rng.chance(0.6)
      ? [item(context, sql("big", ["grouping()"])`grouping(${keys[0]!})`)]
      : [];
  return {
    items: [...shown, ...grouping, ...values],
    having: rng.chance(0.25) ? [having()] : [],
    group: { form, keys, sets: form === "sets" ? sets : [] },
  };
}

/** Keys that differ in their text; seldom so fine that every row is a group of its own. */
function distinctKeys(scope: Scope, count: number): Expr[] {
  const { rng } = scope;
  const plain: Scope = { ...scope, subquery: undefined };
  const keys: Expr[] = [];
  for (let tries = 0; keys.length < count && tries < 20; tries++) {
    const kind = rng.pick(["str", "int", "bool", "date", "wild", "big", "ts"] as const);
    const key = rng.chance(0.6) ? columnOf(scope, kind) : expression(plain, kind, 1);
    if (key === undefined || !key.parts.some((p) => typeof p !== "string" || p.includes("."))) continue;
    if (!usesColumn(key) || keys.some((k) => JSON.stringify(k.parts) === JSON.stringify(key.parts))) continue;
    keys.push(key.column === undefined ? { ...key, tags: [...key.tags, "group:expression"] } : key);
  }
  return keys.length > 0 ? keys : [anyColumn(scope) ?? literal(rng, "str")];
}

function usesColumn(expr: Expr): boolean {
  return (
    expr.column !== undefined ||
    expr.parts.some((part) => typeof part === "object" && "parts" in part && usesColumn(part))
  );
}
