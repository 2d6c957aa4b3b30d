import { condition } from "./expression.ts";
import type { Kind, TableDef } from "./schema.ts";
import { type Context, columnExpr, columnsOf, type Scope, type ScopeColumn } from "./scope.ts";
import { type Expr, type From, type JoinKind, type Query, sql } from "./tree.ts";

/** A FROM clause with what is seen of it. */
export interface Source {
  readonly from: From;
  readonly columns: readonly ScopeColumn[];
  /** Columns that together tell all rows apart; absent when there are none. */
  readonly unique?: readonly ScopeColumn[];
  readonly rows: number;
}

/** A query with the kinds of its output columns, for use as a table. */
export interface Derived {
  readonly query: Query;
  readonly columns: readonly { readonly name: string; readonly kind: Kind }[];
  readonly rows: number;
}

/** Makes a query over the context; with `outer`, one that may use those columns (LATERAL). */
export type Derive = (context: Context, outer?: Source) => Derived;

/** Answers stay small enough to be compared by the thousand. */
const maxRows = 6_000;

/** A FROM clause of one to three relations. */
export function source(context: Context, derive: Derive): Source {
  const { rng } = context;
  let result = relation(context, derive);
  const joins = rng.weighted({ 0: 5, 1: 4, 2: 1.2 });
  for (let i = 0; i < Number(joins); i++) result = join(context, derive, result) ?? result;
  return result;
}

function relation(context: Context, derive: Derive): Source {
  const { rng } = context;
  if (rng.chance(0.13)) return derived(context, derive(context));
  return table(context, context.table());
}

/** One table and nothing else. */
export function table(context: Context, def: TableDef): Source {
  const alias = context.alias();
  const columns = columnsOf(def, alias);
  const id = columns.find((c) => c.name === "id");
  return {
    from: { type: "table", name: def.name, alias, columns: def.columns.map((c) => c.name) },
    columns,
    rows: def.rows,
    ...(id === undefined ? {} : { unique: [id] }),
  };
}

function derived(context: Context, { query, columns, rows }: Derived, lateral = false): Source {
  const alias = context.alias("q");
  return {
    from: { type: "query", query, alias, lateral },
    columns: columns.map(({ name, kind }) => ({ alias, name, kind })),
    rows,
  };
}

function join(context: Context, derive: Derive, left: Source): Source | undefined {
  const { rng } = context;
  const kind = rng.weighted({
    INNER: 4,
    LEFT: 3,
    RIGHT: 1.6,
    FULL: 1.8,
    SEMI: 1.6,
    ANTI: 1.6,
    CROSS: 1.5,
    NATURAL: 1.8,
    USING: 2,
    LATERAL: 2.2,
  });
  if (kind === "LATERAL") return lateral(context, derive, left);
  if (kind === "NATURAL") return natural(context, left);
  if (kind === "CROSS") {
    const right = firstRows(context, rng.int(2, left.rows > 300 ? 4 : 30));
    if (left.rows * right.rows > maxRows) return undefined;
    return combine("CROSS", left, right, [], left.rows * right.rows);
  }
  const right = relation(context, derive);
  const keys = joinKeys(left, right);
  if (keys.length === 0) return undefined;
  const [l, r] = rng.pick(keys);
  const rows = Math.round((left.rows * right.rows) / distinctValues(l)) + left.rows;
  if (rows > maxRows) return undefined;
  if (kind === "USING") {
    const single = left.columns.filter((c) => c.name === l.name).length === 1 && l.name === r.name;
    if (!single) return undefined;
    return combine(rng.pick(["INNER", "LEFT"]), left, right, [], rows, [l.name]);
  }
  const on = [sql("bool")`(${columnExpr(l)} = ${columnExpr(r)})`];
  const both: Scope = { rng, columns: [...left.columns, ...right.columns] };
  // A full join needs conditions that a hash join takes.
  if (kind !== "FULL" && rng.chance(0.25)) on.push(condition(both, 0));
  return combine(kind, left, right, on, rows);
}

function combine(
  kind: JoinKind,
  left: Source,
  right: Source,
  on: readonly Expr[],
  rows: number,
  using: readonly string[] = [],
): Source {
  const half = kind === "SEMI" || kind === "ANTI";
  const unique = half
    ? left.unique
    : left.unique === undefined || right.unique === undefined
      ? undefined
      : [...left.unique, ...right.unique];
  return {
    from: { type: "join", kind, left: left.from, right: right.from, on, using },
    columns: half ? left.columns : [...left.columns, ...right.columns],
    rows: half ? left.rows : rows,
    ...(unique === undefined ? {} : { unique }),
  };
}

/** A few rows of a table, determined because they are ordered by its unique key. */
function firstRows(context: Context, limit: number): Source {
  const def = context.rng.pick(
    context.tables.filter((t) => t.columns.some((c) => c.name === "id") && t.rows >= 60),
  );
  const alias = context.alias("s");
  const shown = def.columns.slice(0, 4);
  const query: Query = {
    ctes: [],
    body: {
      type: "select",
      distinct: false,
      having: [],
      qualify: [],
      where: [],
      items: shown.map((c) => ({ expr: columnExpr({ alias, ...c }), alias: c.name })),
      from: { type: "table", name: def.name, alias, columns: def.columns.map((c) => c.name) },
    },
    orderBy: shown.map((_, column) => ({ column, descending: column === 0, ordinal: false })),
    limit,
  };
  return derived(context, { query, columns: shown, rows: limit });
}

/** The right side shares only the key with the left one: its other columns get names of their own. */
function natural(context: Context, left: Source): Source | undefined {
  const { rng } = context;
  const key = rng.pick(["k", "region"]);
  const def = rng.pick(context.tables.filter((t) => t.rows > 0 && t.columns.some((c) => c.name === key)));
  const rows = Math.round((left.rows * def.rows) / (key === "k" ? 90 : 5)) + left.rows;
  if (left.columns.filter((c) => c.name === key).length !== 1 || rows > maxRows) return undefined;
  const alias = context.alias("s");
  const items = def.columns.slice(0, 5).map((c) => ({
    expr: columnExpr({ alias, ...c }),
    alias: c.name === key ? key : `${alias}_${c.name}`,
    kind: c.kind,
  }));
  if (!items.some((i) => i.alias === key)) return undefined;
  const from: From = { type: "table", name: def.name, alias, columns: def.columns.map((c) => c.name) };
  const query: Query = {
    ctes: [],
    orderBy: [],
    body: {
      type: "select",
      distinct: false,
      having: [],
      qualify: [],
      where: [],
      items: items.map(({ expr, alias: name }) => ({ expr, alias: name })),
      from,
    },
  };
  const columns = items.map(({ alias: name, kind }) => ({ name, kind }));
  return combine("NATURAL", left, derived(context, { query, columns, rows: def.rows }), [], rows);
}

function lateral(context: Context, derive: Derive, left: Source): Source | undefined {
  const { rng } = context;
  if (left.rows > 1500) return undefined;
  const inner = derive(context, left);
  const right = derived(context, inner, true);
  const kind = rng.pick(["CROSS", "LEFT", "INNER"] as const);
  const on = kind === "CROSS" ? [] : [sql("bool")`true`];
  return combine(kind, left, right, on, left.rows * inner.rows);
}

function joinKeys(left: Source, right: Source): (readonly [ScopeColumn, ScopeColumn])[] {
  return left.columns.flatMap((l) =>
    right.columns
      .filter((r) => l.kind === r.kind && ["int", "str", "date"].includes(l.kind))
      .filter((r) => (l.name === r.name && l.name !== "n") || (l.name === "id" && r.name === "k"))
      .map((r) => [l, r] as const),
  );
}

function distinctValues(column: ScopeColumn): number {
  if (column.name === "id") return 300;
  if (column.name === "k") return 90;
  return column.name === "region" ? 5 : 20;
}
