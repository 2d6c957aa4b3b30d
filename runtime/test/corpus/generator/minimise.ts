import { outputOf, printQuery } from "./print.ts";
import { type Body, type Expr, type From, isQuery, type Query, type Select, walk } from "./tree.ts";

/**
 * Make a failing statement smaller, one step at a time, as long as it fails: clauses, output columns, joins and branches
 * go, expressions give way to their parts. `stillFails` runs a candidate and says whether it fails in the same way; for
 * one that the engine refuses it says no (candidates name only columns that are there, but the engine knows more rules).
 * Stops after `budget` candidates. The last tree that failed is returned.
 */
export async function minimise(
  tree: Query,
  stillFails: (candidate: Query) => Promise<boolean> | boolean,
  budget = 500,
): Promise<Query> {
  let best = tree;
  let left = budget;
  const seen = new Set([printQuery(tree)]);
  for (let progress = true; progress; ) {
    progress = false;
    for (const candidate of smaller(best, false)) {
      const text = printQuery(candidate);
      if (seen.has(text) || !resolves(candidate)) continue;
      seen.add(text);
      if (left-- <= 0) return best;
      if (!(await stillFails(candidate))) continue;
      best = candidate;
      progress = true;
      break;
    }
  }
  return best;
}

/**
 * Trees with one thing less, the largest cuts first. An `inner` query keeps its ORDER BY as long as it has a LIMIT:
 * without it the answer would be any rows, and every comparison would fail.
 */
function* smaller(query: Query, inner: boolean): Generator<Query> {
  if (query.body.type === "set") {
    for (const side of [query.body.left, query.body.right]) yield { ...query, body: side };
  }
  for (let i = 0; i < query.ctes.length; i++) yield { ...query, ctes: without(query.ctes, i) };
  const { limit, offset, ...endless } = query;
  if (limit !== undefined || offset !== undefined) yield endless;
  if (offset !== undefined) yield { ...endless, ...(limit === undefined ? {} : { limit }) };
  const pinned = inner && limit !== undefined;
  for (let i = 0; i < query.orderBy.length && !pinned; i++)
    yield { ...query, orderBy: without(query.orderBy, i) };
  const width = outputOf(query.body).length;
  for (let i = 0; i < width && width > 1; i++) yield dropColumn(query, i);
  for (const body of smallerBody(query.body)) yield { ...query, body };
  for (const [i, cte] of query.ctes.entries())
    for (const inner of smaller(cte.query, true))
      yield { ...query, ctes: query.ctes.with(i, { ...cte, query: inner }) };
}

/** Whether every column stands for one that a FROM clause or a CTE of the tree offers. */
export function resolves(query: Query): boolean {
  const ctes = new Map<string, readonly string[]>();
  const offered = new Map<string, readonly string[]>();
  for (const node of walk(query)) {
    if ("ctes" in node)
      for (const c of node.ctes)
        ctes.set(
          c.name,
          outputOf(c.query.body).map((i) => i.alias),
        );
    if (!("type" in node)) continue;
    if (node.type === "table") offered.set(node.alias, node.columns);
    if (node.type === "query")
      offered.set(
        node.alias,
        outputOf(node.query.body).map((i) => i.alias),
      );
  }
  for (const node of walk(query)) {
    if ("type" in node && node.type === "table" && /^w\d+$/.test(node.name)) {
      const known = ctes.get(node.name);
      if (known === undefined) return false;
      offered.set(node.alias, known);
    }
  }
  for (const node of walk(query)) {
    if (!("parts" in node) || node.column === undefined) continue;
    if (offered.get(node.column.alias)?.includes(node.column.name) !== true) return false;
  }
  return true;
}

function dropColumn(query: Query, column: number): Query {
  const drop = (body: Body): Body =>
    body.type === "set"
      ? { ...body, left: drop(body.left), right: drop(body.right) }
      : { ...body, items: without(body.items, column) };
  const orderBy = query.orderBy
    .filter((o) => o.column !== column)
    .map((o) => (o.column > column ? { ...o, column: o.column - 1 } : o));
  return { ...query, body: drop(query.body), orderBy };
}

function* smallerBody(body: Body): Generator<Body> {
  if (body.type === "set") {
    if (body.left.type === "set") yield { ...body, left: body.left.left };
    for (const left of smallerBody(body.left)) yield { ...body, left };
    for (const right of smallerBody(body.right)) yield { ...body, right };
    return;
  }
  yield* smallerSelect(body);
}

function* smallerSelect(select: Select): Generator<Select> {
  for (const clause of ["where", "having", "qualify"] as const) {
    if (select[clause].length > 1) yield { ...select, [clause]: [] };
    for (let i = 0; i < select[clause].length; i++) yield { ...select, [clause]: without(select[clause], i) };
  }
  if (select.distinct) yield { ...select, distinct: false };
  if (select.group !== undefined) {
    const { group, ...rest } = select;
    yield rest;
    if (group.form !== "expressions") yield { ...select, group: { ...group, form: "expressions", sets: [] } };
    if (group.sets.length > 1)
      for (let i = 0; i < group.sets.length; i++)
        yield { ...select, group: { ...group, sets: without(group.sets, i) } };
  }
  if (select.from !== undefined) {
    const { from: whole, ...bare } = select;
    yield bare;
    for (const from of smallerFrom(whole)) yield { ...select, from };
  }
  for (const clause of ["where", "having", "qualify"] as const)
    for (const [i, expr] of select[clause].entries())
      for (const less of smallerExpr(expr)) yield { ...select, [clause]: select[clause].with(i, less) };
  for (const [i, item] of select.items.entries()) {
    // What a loose value may be is known of the whole call only.
    if (item.witness !== undefined) continue;
    // Shared with the group: both change, or neither.
    const key = select.group?.keys.indexOf(item.expr) ?? -1;
    for (const expr of smallerExpr(item.expr)) {
      const items = select.items.with(i, { ...item, expr });
      if (key === -1) yield { ...select, items };
      else yield { ...select, items, group: { ...select.group!, keys: select.group!.keys.with(key, expr) } };
    }
  }
}

function* smallerFrom(from: From): Generator<From> {
  if (from.type === "query") {
    for (const query of smaller(from.query, true)) yield { ...from, query };
    return;
  }
  if (from.type !== "join") return;
  yield from.left;
  yield from.right;
  if (from.on.length > 1) for (let i = 0; i < from.on.length; i++) yield { ...from, on: without(from.on, i) };
  for (const left of smallerFrom(from.left)) yield { ...from, left };
  for (const right of smallerFrom(from.right)) yield { ...from, right };
}

/** Parts of the same kind in place of the whole, then the same within its parts. */
function* smallerExpr(expr: Expr): Generator<Expr> {
  for (const part of expr.parts)
    if (typeof part === "object" && !isQuery(part) && part.kind === expr.kind) yield part;
  for (const [i, part] of expr.parts.entries()) {
    if (typeof part === "string") continue;
    if (isQuery(part))
      for (const query of smaller(part, true)) yield { ...expr, parts: expr.parts.with(i, query) };
    else for (const less of smallerExpr(part)) yield { ...expr, parts: expr.parts.with(i, less) };
  }
}

function without<T>(items: readonly T[], index: number): T[] {
  return items.filter((_, i) => i !== index);
}
