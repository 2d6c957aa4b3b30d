import type { TableUse } from "../plan/resolve.ts";
import { aliased, column, integerConstant, select, table } from "../tree/make.ts";
import type { Expression, Modifier, OrderBy, SelectNode } from "../tree/tree.ts";
import { Aliases } from "./aliases.ts";
import { type Block, type CombineContext, NotSplit, type OutputColumn, rows } from "./block.ts";
import { canonical } from "./canonical.ts";
import { isOrderAll, ordinalOf } from "./positions.ts";
import { callsAggregateMacro, propertiesOf } from "./properties.ts";
import { isRowWise, rowWiseUses } from "./row-wise.ts";
import { scopeOf } from "./scope.ts";

/**
 * Split a SELECT that neither groups nor aggregates: executors project, filter, sort, cut and remove duplicates
 * among their own rows; the scheduler sorts, cuts and removes again what crosses executors (spec chapter 07, Top-K).
 *
 * @param undivided no group and no window partition is divided among executors, so they may do those too.
 * @throws NotSplit with the reason when the block needs its rows in one place.
 */
export function splitRows(node: SelectNode, uses: readonly TableUse[], undivided = false): Block {
  const read = rowWiseUses(node.from_table);
  if (read === undefined) throw new NotSplit("its rows come from more than a scan");
  if (node.sample !== null) throw new NotSplit("it is sampled");
  if (node.qualify !== null && !undivided) throw new NotSplit("its windows need all rows");
  if (node.where_clause !== null) refuseNonRow(node.where_clause, false);
  const whole = [...node.select_list, ...node.group_expressions, node.having, node.qualify];
  for (const part of whole) if (part !== null) refuseNonRow(part, undivided);
  const plan = readModifiers(node);
  const keys = plan.orders === undefined ? [] : sortKeys(node, plan.orders, uses, undivided);
  const cut = plan.limit === undefined ? undefined : plan.limit + plan.offset;
  const hidden = keys.filter(({ item }) => item === undefined);
  if (plan.distinct && hidden.length > 0) throw new NotSplit("DISTINCT ordered by something else");
  // Hidden keys travel behind the block's own columns.
  const fragment: SelectNode = {
    ...node,
    cte_map: { map: [] },
    select_list: [...node.select_list, ...hidden.map(({ key }, i) => aliased(key, `k${i}`))],
    modifiers: [
      ...(plan.distinct ? [{ type: "DISTINCT_MODIFIER", distinct_on_targets: [] } as const] : []),
      ...(cut !== undefined && plan.orderModifier !== undefined ? [plan.orderModifier] : []),
      ...(cut === undefined ? [] : [limitOf(cut, 0)]),
    ],
  };
  return {
    ...(undivided
      ? { strategy: "push-down" as const, reason: "no group or window partition is divided among executors" }
      : describe(plan.orders !== undefined, cut, plan.distinct)),
    node,
    uses: read,
    fragment,
    combine: (context) => combineRows(node, context, plan, keys),
    kept: [],
    passThrough: !plan.distinct && plan.orders === undefined && cut === undefined,
  };
}

function refuseNonRow(part: Expression, undivided: boolean): void {
  if (isRowWise(part)) return;
  if (undivided && !propertiesOf(part).volatile && !propertiesOf(part).tables) return;
  const { windows, volatile, tables } = propertiesOf(part);
  if (windows) throw new NotSplit("its windows need all rows");
  if (volatile) throw new NotSplit("a volatile function is evaluated in the scheduler only");
  if (tables) throw new NotSplit("a subquery reads a table");
  throw new NotSplit(callsAggregateMacro(part) ? "an aggregate macro needs all rows" : "it aggregates");
}

function describe(
  ordered: boolean,
  cut: number | undefined,
  distinct: boolean,
): Pick<Block, "strategy" | "reason"> {
  if (cut !== undefined && ordered) {
    return { strategy: "top-k", reason: `every executor sends its first ${cut} rows at most` };
  }
  if (cut !== undefined) return { strategy: "limit", reason: `any ${cut} rows of an executor are enough` };
  if (distinct) return { strategy: "distinct", reason: "executors remove duplicates among their own rows" };
  const sorted = ordered ? ", the scheduler sorts" : "";
  return { strategy: "scan", reason: `executors project and filter${sorted}` };
}

interface RowPlan {
  readonly distinct: boolean;
  readonly orders: readonly OrderBy[] | undefined;
  readonly orderModifier: Modifier | undefined;
  readonly limit: number | undefined;
  readonly offset: number;
  readonly limitModifier: Modifier | undefined;
}

function readModifiers(node: SelectNode): RowPlan {
  let distinct = false;
  let orderModifier: Modifier | undefined;
  let orders: readonly OrderBy[] | undefined;
  let limit: number | undefined;
  let offset = 0;
  let limitModifier: Modifier | undefined;
  for (const modifier of node.modifiers) {
    switch (modifier.type) {
      case "DISTINCT_MODIFIER":
        if (modifier.distinct_on_targets.length > 0) throw new NotSplit("DISTINCT ON needs all rows");
        distinct = true;
        break;
      case "ORDER_MODIFIER":
        orderModifier = modifier;
        orders = modifier.orders;
        break;
      case "LIMIT_PERCENT_MODIFIER":
        throw new NotSplit("a percentage of all rows");
      case "LIMIT_MODIFIER":
        limitModifier = modifier;
        limit = modifier.limit === null ? undefined : rowCount(modifier.limit);
        offset = modifier.offset === null ? 0 : rowCount(modifier.offset);
        break;
      default:
        throw new NotSplit(modifier satisfies never);
    }
  }
  return { distinct, orders, orderModifier, limit, offset, limitModifier };
}

function rowCount(expression: Expression): number {
  if (expression.class === "CONSTANT" && !expression.value.is_null) {
    const { value } = expression.value;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 2 ** 40) return value;
  }
  throw new NotSplit("LIMIT or OFFSET is not a constant");
}

function limitOf(limit: number, offset: number): Modifier {
  const number = (n: number) =>
    n <= 2147483647
      ? integerConstant(n)
      : {
          ...integerConstant(n),
          value: { type: { id: "BIGINT", type_info: null }, is_null: false, value: n },
        };
  return { type: "LIMIT_MODIFIER", limit: number(limit), offset: offset === 0 ? null : number(offset) };
}

interface SortKey {
  readonly order: OrderBy;
  /** Position of the block's own column that it sorts by, or undefined for one that travels hidden. */
  readonly item: number | "all" | undefined;
  /** What travels: without the collation, which is applied where rows are sorted. */
  readonly key: Expression;
  readonly collation: string | undefined;
}

function sortKeys(
  node: SelectNode,
  orders: readonly OrderBy[],
  uses: readonly TableUse[],
  undivided: boolean,
): readonly SortKey[] {
  const scope = scopeOf(node.from_table, uses);
  const aliases = new Aliases(node, scope);
  const stars = node.select_list.some((item) => item.class === "STAR" || unnests(item));
  const same = (a: Expression, b: Expression) => canonical(a, scope) === canonical(b, scope);
  return orders.map((order): SortKey => {
    const { collation, key: term } = stripCollation(order.expression);
    if (isOrderAll(term)) return { order, item: "all", key: term, collation };
    const ordinal = ordinalOf(term);
    if (ordinal !== undefined) {
      if (stars || ordinal > node.select_list.length) throw new NotSplit("ORDER BY a position behind a star");
      return { order, item: ordinal - 1, key: term, collation };
    }
    const aliasName =
      term.class === "COLUMN_REF" && term.column_names.length === 1 ? term.column_names[0] : undefined;
    const named = aliasName === undefined ? undefined : aliases.get(aliasName);
    const inlined = named ?? aliases.inlineAliasFirst(term, same);
    if (!stars) {
      const index = node.select_list.findIndex((item) => same(aliases.inline(item), inlined));
      if (index >= 0) return { order, item: index, key: inlined, collation };
    }
    refuseNonRow(inlined, undivided);
    if (unnests(inlined)) throw new NotSplit("it is ordered by unnested values");
    return { order, item: undefined, key: inlined, collation };
  });
}

function unnests(item: Expression): boolean {
  return propertiesOf(item).unnest;
}

function stripCollation(expression: Expression): { key: Expression; collation: string | undefined } {
  if (expression.class === "COLLATE") return { key: expression.child, collation: expression.collation };
  if (propertiesOf(expression).collations) throw new NotSplit("it is ordered by an inner collation");
  return { key: expression, collation: undefined };
}

function combineRows(
  node: SelectNode,
  { fragment, columns, output }: CombineContext,
  plan: RowPlan,
  keys: readonly SortKey[],
): SelectNode | undefined {
  const hidden = keys.filter(({ item }) => item === undefined);
  if (columns.length !== output.length + hidden.length) return undefined;
  const own = output.map(({ name }, i) => aliased(column(rows, `c${i}`), name));
  const orders = keys.map((key) => {
    const expression =
      key.item === "all"
        ? key.order.expression
        : column(rows, `c${key.item ?? output.length + hidden.indexOf(key)}`);
    const collated: Expression =
      key.collation === undefined
        ? expression
        : { class: "COLLATE", alias: "", child: expression, collation: key.collation };
    return { ...key.order, expression: collated };
  });
  const modifiers: Modifier[] = [];
  if (plan.distinct) modifiers.push({ type: "DISTINCT_MODIFIER", distinct_on_targets: [] });
  if (orders.length > 0) modifiers.push({ type: "ORDER_MODIFIER", orders });
  if (plan.limitModifier !== undefined) modifiers.push(plan.limitModifier);
  return select(own, table(fragment, rows), { modifiers, cte_map: node.cte_map });
}

/** The columns of a rows fragment are `c0`, `c1`, … whatever the statement calls them. */
export function positional(columns: readonly OutputColumn[]): readonly OutputColumn[] {
  return columns.map(({ type }, i) => ({ name: `c${i}`, type }));
}
