import type { LooseColumn } from "../query.ts";
import type { Kind } from "./schema.ts";

/** A generated statement as a tree of clauses, so that a failing one can be made smaller. */
export interface Query {
  readonly ctes: readonly Cte[];
  readonly body: Body;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: number;
  readonly offset?: number;
}

export interface Cte {
  readonly name: string;
  readonly query: Query;
}

export type Body = Select | SetOperation;

export interface SetOperation {
  readonly type: "set";
  readonly operator: SetOperator;
  readonly left: Body;
  readonly right: Body;
}

export type SetOperator = "UNION" | "UNION ALL" | "INTERSECT" | "INTERSECT ALL" | "EXCEPT" | "EXCEPT ALL";

export interface Select {
  readonly type: "select";
  readonly distinct: boolean;
  readonly items: readonly Item[];
  readonly from?: From;
  /** Joined by AND. */
  readonly where: readonly Expr[];
  readonly group?: Group;
  readonly having: readonly Expr[];
  readonly qualify: readonly Expr[];
}

export interface Item {
  readonly expr: Expr;
  readonly alias: string;
  /** For a loose value: what it may be. */
  readonly witness?: { readonly rule: LooseColumn["rule"]; readonly expr: Expr };
}

export interface Group {
  readonly form: "expressions" | "ordinals" | "all" | "sets" | "rollup" | "cube";
  readonly keys: readonly Expr[];
  /** For `sets`: positions in `keys`. */
  readonly sets: readonly (readonly number[])[];
}

export interface OrderItem {
  /** Position in the output, from 0. */
  readonly column: number;
  readonly descending: boolean;
  /** Absent: what the engine takes when nothing is said, NULLS LAST. */
  readonly nulls?: "FIRST" | "LAST";
  readonly ordinal: boolean;
}

export type From = TableFrom | QueryFrom | JoinFrom;

export interface TableFrom {
  readonly type: "table";
  readonly name: string;
  readonly alias: string;
  readonly columns: readonly string[];
}

export interface QueryFrom {
  readonly type: "query";
  readonly query: Query;
  readonly alias: string;
  readonly lateral: boolean;
}

export type JoinKind = "INNER" | "LEFT" | "RIGHT" | "FULL" | "SEMI" | "ANTI" | "CROSS" | "NATURAL";

export interface JoinFrom {
  readonly type: "join";
  readonly kind: JoinKind;
  readonly left: From;
  readonly right: From;
  readonly on: readonly Expr[];
  readonly using: readonly string[];
}

/**
 * An expression as a template: text with expressions and subqueries in between. That is all that printing, searching
 * and shrinking need to know of it.
 */
export interface Expr {
  readonly kind: Kind;
  readonly parts: readonly (string | Expr | Query)[];
  /** What coverage counts, e.g. `agg:sum`. */
  readonly tags: readonly string[];
  /** Set when it is a column. */
  readonly column?: { readonly alias: string; readonly name: string };
}

/** Template for expressions: `` sql("int", ["agg:sum"])`sum(${x})` ``. */
export function sql(kind: Kind, tags: readonly string[] = []) {
  return (texts: TemplateStringsArray, ...values: (string | number | Expr | Query)[]): Expr => ({
    kind,
    tags,
    parts: texts.flatMap((text, i) => {
      const value = values[i];
      return value === undefined ? [text] : [text, typeof value === "number" ? String(value) : value];
    }),
  });
}

export function isQuery(part: string | Expr | Query): part is Query {
  return typeof part === "object" && "body" in part;
}

/** Every expression and query below a query, itself included. */
export function* walk(query: Query): Generator<Expr | Query | Select | SetOperation | From> {
  yield query;
  for (const cte of query.ctes) yield* walk(cte.query);
  yield* walkBody(query.body);
}

function* walkBody(body: Body): Generator<Expr | Query | Select | SetOperation | From> {
  yield body;
  if (body.type === "set") {
    yield* walkBody(body.left);
    yield* walkBody(body.right);
    return;
  }
  for (const expr of [...body.items.map((i) => i.expr), ...body.where, ...body.having, ...body.qualify])
    yield* walkExpr(expr);
  for (const key of body.group?.keys ?? []) yield* walkExpr(key);
  if (body.from !== undefined) yield* walkFrom(body.from);
}

function* walkFrom(from: From): Generator<Expr | Query | Select | SetOperation | From> {
  yield from;
  if (from.type === "query") yield* walk(from.query);
  if (from.type === "join") {
    yield* walkFrom(from.left);
    yield* walkFrom(from.right);
    for (const expr of from.on) yield* walkExpr(expr);
  }
}

export function* walkExpr(expr: Expr): Generator<Expr | Query | Select | SetOperation | From> {
  yield expr;
  for (const part of expr.parts) {
    if (typeof part === "string") continue;
    if (isQuery(part)) yield* walk(part);
    else yield* walkExpr(part);
  }
}
