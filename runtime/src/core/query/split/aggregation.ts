import type { TableUse } from "../plan/resolve.ts";
import { isExpression } from "../tree/is-node.ts";
import { aliased, call, cast, column, select, table } from "../tree/make.ts";
import { printType } from "../tree/print-literal.ts";
import type {
  ColumnRef,
  Expression,
  FunctionExpression,
  Modifier,
  QueryNode,
  SelectNode,
  Statement,
} from "../tree/tree.ts";
import { rewrite, type TreeObject } from "../tree/walk.ts";
import {
  type AggregateSplit,
  ignoresDistinct,
  type PartialState,
  splitAggregate,
  when,
} from "./aggregates.ts";
import { Aliases } from "./aliases.ts";
import { type Block, type CombineContext, NotSplit, type OutputColumn, rows } from "./block.ts";
import { canonical } from "./canonical.ts";
import { isOrderAll, ordinalOf } from "./positions.ts";
import { callsAggregateMacro, isAggregateCall, propertiesOf } from "./properties.ts";
import { isRowWise, rowWiseUses } from "./row-wise.ts";
import { type Scope, scopeOf } from "./scope.ts";

/**
 * Split a SELECT that groups or aggregates: executors group their own rows into partial states, the scheduler groups
 * the states (spec chapter 07, Split aggregation).
 * @throws NotSplit with the reason when the block needs its rows in one place.
 */
export function splitAggregation(node: SelectNode, uses: readonly TableUse[]): Block {
  const read = rowWiseUses(node.from_table);
  if (read === undefined) throw new NotSplit("its rows come from more than a scan");
  if (node.sample !== null) throw new NotSplit("it is sampled");
  if (node.where_clause !== null && !isRowWise(node.where_clause)) {
    throw new NotSplit("its filter is not a matter of one row");
  }
  if (callsAggregateMacro([node.select_list, node.having, node.modifiers])) {
    throw new NotSplit("an aggregate macro needs all rows");
  }
  const scope = scopeOf(node.from_table, uses);
  const parts = new Parts(node, scope);
  const where = node.where_clause === null ? null : parts.aliases.inline(node.where_clause);
  return {
    strategy: "split-aggregation",
    reason: "partial states are grouped again in the scheduler",
    node,
    uses: read,
    fragment: parts.fragment(where),
    ...(parts.ungroupable ? { ungrouped: parts.ungrouped(where) } : {}),
    combine: (context) => parts.combine(context),
    kept: parts.kept,
    passThrough: false,
  };
}

interface SplitCall {
  readonly split: AggregateSplit;
  readonly first: number;
}

/** Collects group keys and states of one block, and writes both sides of the split. */
class Parts {
  readonly aliases: Aliases;
  /** Subqueries of the block's outputs. */
  readonly kept: QueryNode[] = [];
  readonly #node: SelectNode;
  readonly #scope: Scope;
  readonly #groups: readonly Expression[];
  readonly #groupKeys: Map<string, number>;
  readonly #distinct: Expression[] = [];
  readonly #distinctKeys = new Map<string, number>();
  readonly #states: PartialState[] = [];
  readonly #splits = new Map<string, SplitCall>();
  readonly #having: Expression | null;
  readonly #items: readonly Expression[];
  readonly #qualify: Expression | null;

  constructor(node: SelectNode, scope: Scope) {
    this.#node = node;
    this.#scope = scope;
    this.aliases = new Aliases(node, scope);
    this.#items = node.select_list.map((item) => this.aliases.inline({ ...item, alias: "" }));
    this.#groups = this.#groupExpressions();
    this.#groupKeys = new Map(this.#groups.map((group, i) => [this.#key(group), i] as const).reverse());
    this.#having = node.having === null ? null : this.#aliasFirst(node.having);
    this.#qualify = node.qualify === null ? null : this.#aliasFirst(node.qualify);
    const outputs = [...this.#items, this.#having, this.#qualify, ...this.#orders()];
    for (const output of outputs) if (output !== null) this.#collect(output);
    if (this.#distinct.length > 1 && node.group_sets.length > 1) {
      throw new NotSplit("several DISTINCT aggregates over grouping sets");
    }
    for (const part of [...this.#groups, ...this.#distinct]) {
      if (propertiesOf(part).collations) throw new NotSplit("it groups by a collation");
    }
  }

  /** One DISTINCT argument more than one makes several groupings, which have no form without grouping. */
  get ungroupable(): boolean {
    return this.#distinct.length < 2 && this.#groups.length + this.#distinct.length > 0;
  }

  fragment(where: Expression | null): SelectNode {
    const keys = this.#keyColumns();
    const list = [...keys, ...this.#states.map(({ grouped }, j) => aliased(grouped, `s${j}`))];
    const several = this.#distinct.length > 1;
    if (several) list.push(aliased(this.#groupingOf(), "grouping"));
    // Of a group by nothing only its existence counts.
    if (list.length === 0) list.push(aliased(call("count_star", []), "s0"));
    return select(list, this.#node.from_table, {
      where_clause: where,
      group_expressions: keys.map((key) => ({ ...key, alias: "" })),
      group_sets: several ? this.#distinctSets() : keys.length === 0 ? [] : [keys.map((_, i) => i)],
    });
  }

  ungrouped(where: Expression | null): NonNullable<Block["ungrouped"]> {
    const keys = this.#keyColumns();
    return {
      keys: keys.map(({ alias }) => alias),
      statement: (types) =>
        select(
          [
            ...keys,
            ...this.#states.map(({ row }, j) => aliased(cast(row, types[keys.length + j] ?? ""), `s${j}`)),
          ],
          this.#node.from_table,
          { where_clause: where },
        ),
    };
  }

  combine({ fragment, columns, output }: CombineContext): SelectNode | undefined {
    const types = columns.map(({ type }) => type);
    const finish = (e: Expression) => this.#combined(e, types);
    try {
      const items = this.#items.map((item, i) => aliased(finish(item), outputName(output, i)));
      return select(items, table(fragment, rows), {
        cte_map: this.#node.cte_map,
        group_expressions: this.#groups.map((_, i) => column(rows, `g${i}`)),
        group_sets: this.#node.group_sets.length > 0 ? this.#node.group_sets : this.#oneSet(),
        having: this.#having === null ? this.#emptyGuard() : finish(this.#having),
        qualify: this.#qualify === null ? null : finish(this.#qualify),
        modifiers: this.#node.modifiers.map((m) => this.#modifier(m, finish)),
      });
    } catch (error) {
      if (error instanceof NotSplit) return undefined;
      throw error;
    }
  }

  #oneSet(): readonly (readonly number[])[] {
    return this.#groups.length === 0 ? [] : [this.#groups.map((_, i) => i)];
  }

  /** Without groups and aggregates the combining query would not group at all: `SELECT 1 … HAVING true`. */
  #emptyGuard(): Expression | null {
    if (this.#groups.length > 0 || this.#splits.size > 0 || this.#node.group_sets.length > 0) return null;
    throw new NotSplit("nothing is aggregated");
  }

  #keyColumns(): readonly Expression[] {
    return [
      ...this.#groups.map((group, i) => aliased(group, `g${i}`)),
      ...this.#distinct.map((argument, i) => aliased(argument, `d${i}`)),
    ];
  }

  /** With several DISTINCT arguments: one grouping per argument, and one for all the other states. */
  #distinctSets(): readonly (readonly number[])[] {
    const groups = this.#groups.map((_, i) => i);
    return [groups, ...this.#distinct.map((_, i) => [...groups, this.#groups.length + i])];
  }

  #groupingOf(): Expression {
    return { class: "OPERATOR", type: "GROUPING_FUNCTION", alias: "", children: this.#distinct };
  }

  #groupExpressions(): readonly Expression[] {
    const node = this.#node;
    if (node.aggregate_handling === "FORCE_AGGREGATES") {
      return this.#items.filter((item) => {
        if (item.class === "STAR") throw new NotSplit("GROUP BY ALL over a star");
        const { aggregates, windows } = propertiesOf(item);
        if (windows) throw new NotSplit("GROUP BY ALL with a window");
        return !aggregates;
      });
    }
    return node.group_expressions.map((group) => {
      const ordinal = ordinalOf(group);
      const found = ordinal === undefined ? this.aliases.inline(group) : this.#items[ordinal - 1];
      if (found === undefined) throw new NotSplit("GROUP BY a position that does not exist");
      if (!isRowWise(found) || found.class === "STAR")
        throw new NotSplit("it groups by more than a row's value");
      // A bare number among the keys would read as a position.
      if (found.class === "CONSTANT") return cast(found, printType(found.value.type));
      if (propertiesOf(found).unnest) throw new NotSplit("it groups by unnested rows");
      return found;
    });
  }

  #orders(): readonly Expression[] {
    return this.#node.modifiers.flatMap((modifier) => {
      switch (modifier.type) {
        case "ORDER_MODIFIER":
          return modifier.orders.flatMap(({ expression }) =>
            isOrderAll(expression) ? [] : [this.#orderTerm(expression)],
          );
        case "DISTINCT_MODIFIER":
          if (modifier.distinct_on_targets.length > 0) throw new NotSplit("DISTINCT ON");
          return [];
        default:
          return [];
      }
    });
  }

  #orderTerm(expression: Expression): Expression {
    const ordinal = ordinalOf(expression);
    if (ordinal !== undefined) {
      const item = this.#items[ordinal - 1];
      if (item === undefined) throw new NotSplit("ORDER BY a position that does not exist");
      return item;
    }
    if (expression.class === "COLUMN_REF" && expression.column_names.length === 1) {
      const found = this.aliases.get(expression.column_names[0] ?? "");
      if (found !== undefined) return found;
    }
    return this.#aliasFirst(expression);
  }

  #aliasFirst(expression: Expression): Expression {
    return this.aliases.inlineAliasFirst(expression, (a, b) => this.#key(a) === this.#key(b));
  }

  #key(expression: Expression): string {
    return canonical(expression, this.#scope);
  }

  /** Note the states that an output expression needs. */
  #collect(expression: Expression): void {
    rewrite(expression, (node) => {
      if (this.#groupIndex(node) !== undefined) return node;
      if (isAggregateCall(node)) {
        this.#collectCall(node);
        return node;
      }
      if (node["class"] === "SUBQUERY") {
        this.kept.push((node["subquery"] as Statement).node);
        if (node["subquery_type"] !== "ANY") return node;
        this.#collect(node["child"] as Expression);
        return node;
      }
      if (node["class"] === "STAR") throw new NotSplit("a star among aggregates");
      if (node["class"] === "LAMBDA") throw new NotSplit("a lambda over groups");
      if (node["class"] === "COLUMN_REF") {
        throw new NotSplit(
          `${(node["column_names"] as string[]).join(".")} is neither grouped nor aggregated`,
        );
      }
      if (node["class"] === "FUNCTION" && String(node["function_name"]).toLowerCase() === "unnest") {
        throw new NotSplit("it unnests groups");
      }
      return undefined;
    });
  }

  #collectCall(f: FunctionExpression): void {
    const key = this.#key(f);
    if (this.#splits.has(key)) return;
    if (!f.children.every(isRowWise) || (f.filter !== null && !isRowWise(f.filter))) {
      throw new NotSplit(`the argument of ${f.function_name} is not a matter of one row`);
    }
    if (propertiesOf([f.children, f.order_bys]).collations)
      throw new NotSplit("it aggregates by a collation");
    const split =
      f.distinct && !ignoresDistinct(f) ? this.#splitDistinct(f) : splitAggregate({ ...f, distinct: false });
    if (split === undefined) throw new NotSplit(`${f.function_name} needs all rows in one place`);
    this.#splits.set(key, { split, first: this.#states.length });
    this.#states.push(...split.states);
  }

  /** The values of a DISTINCT argument become a key of the fragment, and are counted once in the scheduler. */
  #splitDistinct(f: FunctionExpression): AggregateSplit {
    const [x] = f.children;
    const orders = f.order_bys?.orders.length ?? 0;
    const name = f.function_name.toLowerCase();
    if (
      x === undefined ||
      f.children.length > 1 ||
      orders > 0 ||
      !["count", "sum", "avg", "mean"].includes(name)
    ) {
      throw new NotSplit(`${f.function_name}(DISTINCT …) needs all rows in one place`);
    }
    // NULL does not count, so rows outside of FILTER may be NULL.
    const argument =
      f.filter === null ? x : when(f.filter, x, { class: "CONSTANT", alias: "", value: nullValue });
    const key = this.#key(argument);
    const index = this.#distinctKeys.get(key) ?? this.#distinct.length;
    if (index === this.#distinct.length) {
      this.#distinct.push({ ...argument, alias: "" });
      this.#distinctKeys.set(key, index);
    }
    return { states: [], combine: () => call(name, [column(rows, `d${index}`)], { distinct: true }) };
  }

  #groupIndex(node: TreeObject): number | undefined {
    if (!isExpression(node) || node.class === "CONSTANT") return undefined;
    return this.#groupKeys.get(this.#key(node));
  }

  /** An output expression over the fragments' columns. */
  #combined(expression: Expression, types: readonly string[]): Expression {
    return rewrite(expression, (node) => {
      const group = this.#groupIndex(node);
      if (group !== undefined) return column(rows, `g${group}`);
      if (node["class"] === "SUBQUERY") {
        return {
          ...node,
          child: node["child"] === null ? null : this.#combined(node["child"] as Expression, types),
        };
      }
      if (!isAggregateCall(node)) return undefined;
      const call = this.#splits.get(this.#key(node));
      if (call === undefined) throw new NotSplit("an aggregate that was not collected");
      return this.#combineCall(call, types);
    });
  }

  #combineCall({ split, first }: SplitCall, types: readonly string[]): Expression {
    const offset = this.#groups.length + this.#distinct.length + first;
    const columns: ColumnRef[] = split.states.map((_, i) => column(rows, `s${first + i}`));
    const combined = split.combine(
      columns,
      split.states.map((_, i) => types[offset + i] ?? ""),
    );
    if (combined === undefined) throw new NotSplit("its type does not allow partial states");
    if (this.#distinct.length < 2 || split.states.length === 0) return combined;
    // Rows of the other groupings repeat the same rows' states: count them once.
    return onlyWhereGrouping(combined, (1 << this.#distinct.length) - 1);
  }

  #modifier(modifier: Modifier, finish: (e: Expression) => Expression): Modifier {
    if (modifier.type !== "ORDER_MODIFIER") return modifier;
    const orders = modifier.orders.map((order) => {
      if (isOrderAll(order.expression)) return order;
      const ordinal = ordinalOf(order.expression);
      return ordinal === undefined
        ? { ...order, expression: finish(this.#orderTerm(order.expression)) }
        : order;
    });
    return { ...modifier, orders };
  }
}

const nullValue = { type: { id: "NULL", type_info: null }, is_null: true } as const;

/** The combining aggregates of `expression`, restricted to the rows of one grouping. */
function onlyWhereGrouping(expression: Expression, grouping: number): Expression {
  return rewrite(expression, (f) => {
    if (!isAggregateCall(f)) return undefined;
    const here: Expression = {
      class: "COMPARISON",
      type: "COMPARE_EQUAL",
      alias: "",
      left: column(rows, "grouping"),
      right: {
        class: "CONSTANT",
        alias: "",
        value: { type: { id: "INTEGER", type_info: null }, is_null: false, value: grouping },
      },
    };
    const filter: Expression =
      f.filter === null
        ? here
        : { class: "CONJUNCTION", type: "CONJUNCTION_AND", alias: "", children: [here, f.filter] };
    return { ...f, filter };
  });
}

export function outputName(output: readonly OutputColumn[], index: number): string {
  const name = output[index]?.name;
  if (name === undefined) throw new NotSplit("its columns are not known");
  return name;
}
