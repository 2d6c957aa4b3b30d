import type { Comparison, CorpusQuery } from "../query.ts";
import { condition, firmKinds } from "./expression.ts";
import { type Derived, type Source, table } from "./from.ts";
import { outputOf, printQuery } from "./print.ts";
import { Rng } from "./rng.ts";
import { awkwardSchema, type Kind, type TableDef } from "./schema.ts";
import { Context, columnExpr, columnsOf, type ScopeColumn } from "./scope.ts";
import { type SizedSelect, select, selectFrom } from "./select.ts";
import { tagsOf } from "./tags.ts";
import {
  type Body,
  type Cte,
  type Expr,
  type OrderItem,
  type Query,
  type Select,
  type SetOperator,
  sql,
} from "./tree.ts";

/** A statement that its seed alone makes again. */
export interface GeneratedQuery extends CorpusQuery {
  readonly seed: number;
  readonly tree: Query;
  /** What it uses, e.g. `agg:sum`, `join:LEFT`: for coverage. */
  readonly tags: ReadonlySet<string>;
}

/**
 * One random SELECT over the tables: valid for DuckDB, without errors that depend on the rows, fast on a thousand rows,
 * and with an answer that is determined as far as its comparison says. The same seed and tables give the same text.
 */
export function generateQuery(seed: number, tables: readonly TableDef[] = awkwardSchema): GeneratedQuery {
  const tree = query(new Context(new Rng(seed), tables));
  return { ...queryOf(tree), name: `random-${seed}`, seed };
}

/** Print a tree and say how its answer is compared; also for a tree that was made smaller. */
export function queryOf(tree: Query): Omit<GeneratedQuery, "name" | "seed"> {
  return { tree, sql: printQuery(tree), comparison: comparisonOf(tree), tags: tagsOf(tree) };
}

function comparisonOf(tree: Query): Comparison {
  const rules = outputOf(tree.body).flatMap((item, column) =>
    item.witness === undefined ? [] : [{ column, rule: item.witness.rule }],
  );
  return {
    order: tree.orderBy.map((o) => ({
      column: o.column,
      descending: o.descending,
      nullsFirst: o.nulls === "FIRST",
    })),
    ...(tree.limit === undefined && tree.offset === undefined
      ? {}
      : { full: printQuery(tree, { unlimited: true }) }),
    ...(rules.length === 0 ? {} : { witness: { sql: printQuery(tree, { witness: true }), rules } }),
  };
}

function query(context: Context): Query {
  const { rng } = context;
  if (rng.chance(0.3)) return plainQuery(context);
  const { ctes, inner } = rng.chance(0.14) ? commonTables(context) : { ctes: [], inner: context };
  const body: Body = rng.chance(0.16) ? setOperation(inner) : select(inner, derive, { firm: false }).select;
  return { ctes, body, ...ordering(context, body) };
}

/** Over one table without subqueries: what a cluster splits among executors, and a join or subquery would hide. */
function plainQuery(context: Context): Query {
  const { rng } = context;
  const form = rng.pick(["plain", "aggregate"] as const);
  const body = selectFrom(context, table(context, context.table()), { firm: rng.chance(0.5), form });
  const wishes = form === "plain" ? { none: 1, order: 0.7, top: 6, cut: 0.6 } : undefined;
  return { ctes: [], body, ...ordering(context, body, wishes) };
}

function commonTables(context: Context): { ctes: Cte[]; inner: Context } {
  const ctes: Cte[] = [];
  const tables: TableDef[] = [];
  for (let i = 0; i < context.rng.int(1, 2); i++) {
    const name = context.alias("w");
    const { query: made, columns, rows } = derive(context.with(tables));
    ctes.push({ name, query: made });
    tables.push({ name, columns, rows, sql: "" });
  }
  // Often enough that the new names are used.
  return { ctes, inner: context.with([...tables, ...tables, ...tables]) };
}

/** A query with firm, named columns; with `outer`, one over a table tied to the columns of that. */
function derive(context: Context, outer?: Source): Derived {
  if (outer !== undefined) return wrap(context, { select: correlated(context, outer), rows: 10 }, true);
  const form = context.rng.pick(["plain", "plain", "aggregate", "window"] as const);
  const inner = (c: Context, o?: Source) => (o === undefined ? derivedTable(c) : derive(c, o));
  return wrap(context, select(context, inner, { firm: true, form }), false);
}

/** The simplest derived table: some columns of one table. */
function derivedTable(context: Context): Derived {
  const def = context.table();
  const alias = context.alias("s");
  const shown = context.rng.sample(def.columns, 4);
  const body: Select = {
    type: "select",
    distinct: false,
    having: [],
    qualify: [],
    items: shown.map((c) => ({ expr: columnExpr({ alias, ...c }), alias: c.name })),
    from: { type: "table", name: def.name, alias, columns: def.columns.map((c) => c.name) },
    where: context.rng.chance(0.4)
      ? [condition({ rng: context.rng, columns: columnsOf(def, alias) }, 1)]
      : [],
  };
  return { query: { ctes: [], body, orderBy: [] }, columns: shown, rows: def.rows };
}

function correlated(context: Context, outer: Source): Select {
  const { rng } = context;
  const def = context.table();
  const alias = context.alias("l");
  const columns = columnsOf(def, alias);
  const made = selectFrom(
    context,
    {
      from: { type: "table", name: def.name, alias, columns: def.columns.map((c) => c.name) },
      columns,
      rows: def.rows,
    },
    { firm: true, form: rng.pick(["plain", "aggregate"]) },
  );
  const links = columns.flatMap((inner) =>
    outer.columns
      .filter((o) => o.kind === inner.kind && o.name === inner.name && ["k", "id"].includes(o.name))
      .map((o) => sql("bool")`(${columnExpr(inner)} = ${columnExpr(o)})`),
  );
  const group =
    made.group?.form === "expressions" || made.group === undefined
      ? made.group
      : { ...made.group, form: "expressions" as const, sets: [] };
  const items = made.items.filter((i) => !i.expr.tags.includes("grouping()"));
  return {
    ...made,
    items,
    ...(group === undefined ? {} : { group }),
    distinct: false,
    where: [...made.where, links.length > 0 ? rng.pick(links) : fewRows(columns)],
  };
}

/** Without a link the rows of both sides multiply, so only a few are taken. */
function fewRows(columns: readonly ScopeColumn[]): Expr {
  const column = columns.find((c) => c.kind === "int");
  return column === undefined ? sql("bool")`false` : sql("bool")`(${columnExpr(column)} BETWEEN 0 AND 12)`;
}

/** A select as a table: sometimes its first rows, ordered by all columns so that they are determined. */
function wrap(context: Context, { select: body, rows: size }: SizedSelect, lateral: boolean): Derived {
  const { rng } = context;
  const columns = body.items.map(({ alias, expr }) => ({
    name: alias,
    kind: handedOn(expr.kind, expr.column !== undefined),
  }));
  const cut = !lateral && rng.chance(0.2);
  const orderBy: OrderItem[] = cut
    ? columns.map((_, column) => ({ column, descending: rng.chance(0.4), ordinal: false }))
    : [];
  const rows = cut ? rng.int(1, 40) : size;
  return {
    query: { ctes: [], body, orderBy, ...(cut ? { limit: rows } : {}) },
    columns,
    rows,
  };
}

/** What was computed is too large for more arithmetic. */
function handedOn(kind: Kind, plain: boolean): Kind {
  if (plain) return kind;
  return kind === "int" ? "big" : kind === "dec" ? "decx" : kind === "dbl" ? "wild" : kind;
}

const operators: readonly SetOperator[] = [
  "UNION",
  "UNION ALL",
  "INTERSECT",
  "INTERSECT ALL",
  "EXCEPT",
  "EXCEPT ALL",
];

function setOperation(context: Context): Body {
  const { rng } = context;
  const kinds = Array.from({ length: rng.int(1, 2) }, () =>
    rng.pick(["int", "str", "str", "date", "bool", "dbl", "dec"] as const),
  );
  const side = () => select(context, derive, { firm: true, kinds }).select;
  const first: Body = { type: "set", operator: rng.pick(operators), left: side(), right: side() };
  return rng.chance(0.15)
    ? { type: "set", operator: rng.pick(operators), left: first, right: side() }
    : first;
}

function ordering(
  context: Context,
  body: Body,
  wishes = { none: 4, order: 3, top: 3.5, cut: 0.8 },
): Pick<Query, "orderBy" | "limit" | "offset"> {
  const { rng } = context;
  const items = outputOf(body);
  const firm = items.flatMap((item, i) =>
    (firmKinds as readonly Kind[]).includes(item.expr.kind) || item.expr.kind === "decx" ? [i] : [],
  );
  const loose = items.some((item) => item.witness !== undefined);
  const wish = rng.weighted(wishes);
  const make = loose && wish !== "order" ? "none" : wish;
  const keys =
    make === "none" || make === "cut"
      ? []
      : rng.sample(firm, make === "top" && rng.chance(0.5) ? 9 : rng.int(1, 2));
  const orderBy = keys.map((column): OrderItem => {
    const nulls = rng.pick([undefined, undefined, "FIRST", "LAST"] as const);
    return {
      column,
      descending: rng.chance(0.4),
      ordinal: rng.chance(0.3),
      ...(nulls === undefined ? {} : { nulls }),
    };
  });
  if (make !== "top" && make !== "cut") return { orderBy };
  return { orderBy, limit: rng.int(1, 25), ...(rng.chance(0.35) ? { offset: rng.int(1, 12) } : {}) };
}
