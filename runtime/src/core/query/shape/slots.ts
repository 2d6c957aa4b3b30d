import type { BoundExpression } from "../bound/bound-plan.ts";
import type { NeedFilter, TableNeeds } from "../bound/table-needs.ts";
import type { ResolvedStatement } from "../plan/resolve.ts";
import type { ConstantExpression, Expression, QueryNode } from "../tree/tree.ts";
import { rewrite, walk } from "../tree/walk.ts";
import type { TextLiteral, TextShape } from "./text-shape.ts";

/** A literal whose value decides nothing but which rows match. */
export interface Slot {
  /** Its place among the literals of the text. */
  readonly literal: number;
  /** Its node in the parsed tree. */
  readonly constant: ConstantExpression;
  /** The index of the column that it is compared with. */
  readonly column: number;
}

/** Column types for which a comparison with an INTEGER or VARCHAR literal binds in one way, whatever the value. */
const comparable: Readonly<Record<string, readonly string[]>> = {
  number: ["INTEGER", "BIGINT"],
  string: ["VARCHAR"],
};

/**
 * The literals of a statement that may have another value without any other change to how the statement is bound:
 * each is compared with a bare column in a conjunct of the filter of a query over one table, and nothing else in the
 * filter is about that column, so that the optimiser has nothing to combine it with.
 *
 * @param parsed the tree as parsed, before anything was put in place.
 */
export function findSlots(parsed: QueryNode, shape: TextShape, statement: ResolvedStatement): Slot[] {
  const table = statement.uses.length === 1 ? statement.uses[0]?.table : undefined;
  if (table === undefined || parsed.type !== "SELECT_NODE" || parsed.where_clause === null) return [];
  if (parsed.having !== null || parsed.qualify !== null || parsed.sample !== null) return [];
  const resolved = statement.node.type === "SELECT_NODE" ? statement.node.from_table : undefined;
  const direct = resolved?.type === "BASE_TABLE" && resolved.use !== undefined;
  if (!direct || parsed.from_table.type !== "BASE_TABLE" || hasSubquery(parsed)) return [];
  const mentioned = new Map<string, number>();
  walk(parsed.where_clause, (object) => {
    if (object["class"] === "COLUMN_REF") {
      const name = (object["column_names"] as readonly string[]).at(-1)?.toLowerCase() ?? "";
      mentioned.set(name, (mentioned.get(name) ?? 0) + 1);
    }
    return true;
  });
  return conjuncts(parsed.where_clause).flatMap((term) => {
    const sides = term.class === "COMPARISON" ? [term.left, term.right] : [];
    const reference = sides.find((side) => side.class === "COLUMN_REF");
    const constant = sides.find((side) => side.class === "CONSTANT");
    if (reference === undefined || constant === undefined) return [];
    const [name, ...path] = reference.column_names;
    const wanted = name?.toLowerCase() ?? "";
    const column = table.columns.findIndex((c) => c.name.toLowerCase() === wanted);
    const literal = shape.literals.findIndex((l) => same(l, constant));
    const type = table.columns[column]?.type ?? "";
    const fits = comparable[typeof shape.literals[literal]?.value]?.includes(type) === true;
    if (path.length > 0 || mentioned.get(wanted) !== 1 || !fits) return [];
    return [{ literal, constant, column }];
  });
}

/**
 * The needs with other values in the slots; undefined when the engine's plan does not have each slot exactly once, as
 * the one comparison of its column.
 *
 * @param before the values that the slots have in `needs`.
 */
export function fillNeeds(
  needs: TableNeeds,
  slots: readonly Slot[],
  before: readonly TextLiteral[],
  values: readonly TextLiteral[],
): TableNeeds | undefined {
  const [scan, second] = needs.filters;
  if (scan === undefined || second !== undefined) return undefined;
  let filters: readonly NeedFilter[] = scan;
  for (const { column, literal } of slots) {
    const about = filters.filter(({ filter }) => mentions(filter, column));
    const [only] = about;
    const filled =
      only === undefined || about.length > 1
        ? undefined
        : fill(only.filter, column, before[literal], values[literal]);
    if (only === undefined || filled === undefined) return undefined;
    filters = filters.map((each) => (each === only ? { ...only, filter: filled } : each));
  }
  return { ...needs, filters: [filters] };
}

/** The tree with other values in the slots, and the new nodes with those that they replace. */
export function fillTree(
  node: QueryNode,
  slots: readonly Slot[],
  values: readonly TextLiteral[],
): { readonly node: QueryNode; readonly replaced: ReadonlyMap<unknown, ConstantExpression> } {
  const filled = new Map<unknown, ConstantExpression>();
  const replaced = new Map<unknown, ConstantExpression>();
  for (const { constant, literal } of slots) {
    const value = values[literal]?.value;
    if (value === undefined) continue;
    const next: ConstantExpression = { ...constant, value: { ...constant.value, value } };
    filled.set(constant, next);
    replaced.set(next, constant);
  }
  return { node: rewrite(node, (object) => filled.get(object)), replaced };
}

function conjuncts(expression: Expression): readonly Expression[] {
  return expression.class === "CONJUNCTION" && expression.type === "CONJUNCTION_AND"
    ? expression.children.flatMap(conjuncts)
    : [expression];
}

function hasSubquery(node: QueryNode): boolean {
  let queries = 0;
  walk(node, (object) => {
    if (object["type"] === "SELECT_NODE" || object["type"] === "SET_OPERATION_NODE") queries += 1;
    return true;
  });
  return queries > 1 || node.cte_map.map.length > 0;
}

function same(
  { offset, value }: TextLiteral,
  { query_location: location, value: constant }: ConstantExpression,
): boolean {
  const type = typeof value === "number" ? "INTEGER" : "VARCHAR";
  return offset === location && !constant.is_null && constant.type.id === type && constant.value === value;
}

function mentions(filter: unknown, column: number): boolean {
  let found = false;
  walk(filter, (object) => {
    if (object["expression_class"] === "BOUND_REF" && object["index"] === column) found = true;
    return !found;
  });
  return found;
}

function fill(
  filter: NeedFilter["filter"],
  column: number,
  before: TextLiteral | undefined,
  after: TextLiteral | undefined,
): BoundExpression | undefined {
  if (filter.expression_class !== "BOUND_COMPARISON" || before === undefined || after === undefined)
    return undefined;
  const { left, right } = filter;
  if (left.expression_class !== "BOUND_REF" || left.index !== column) return undefined;
  if (right.expression_class !== "BOUND_CONSTANT" || right.value.value !== before.value) return undefined;
  if (comparable[typeof after.value]?.includes(right.value.type.id) !== true) return undefined;
  return { ...filter, right: { ...right, value: { ...right.value, value: after.value } } };
}
