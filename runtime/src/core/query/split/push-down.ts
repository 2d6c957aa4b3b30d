import type { TableUse } from "../plan/resolve.ts";
import type { Expression, SelectNode } from "../tree/tree.ts";
import { walk } from "../tree/walk.ts";
import { Aliases } from "./aliases.ts";
import { NotSplit } from "./block.ts";
import { ordinalOf } from "./positions.ts";
import { isAggregation, propertiesOf } from "./properties.ts";
import { type Scope, scopeOf, unqualified } from "./scope.ts";

/** For a use of a table, the columns (in lower case) whose equal values are all on one executor. */
export type DisjointColumns = (use: number) => ReadonlySet<string>;

/**
 * True when no group and no window partition of a block over one table is divided among executors: then every
 * executor computes its groups to the end, whatever the aggregates are (spec chapter 07, push-down).
 */
export function isUndivided(
  node: SelectNode,
  uses: readonly TableUse[],
  disjointColumns: DisjointColumns,
): boolean {
  const { from_table: from } = node;
  if (from.type !== "BASE_TABLE" || from.use === undefined || from.column_name_alias.length > 0) return false;
  const disjoint = disjointColumns(from.use);
  if (disjoint.size === 0) return false;
  const scope = scopeOf(from, uses);
  const isDisjoint = (e: Expression) => isColumnOf(e, scope, disjoint);
  const parts = [...node.select_list, ...(node.qualify === null ? [] : [node.qualify])];
  const orders = node.modifiers.flatMap((m) => (m.type === "ORDER_MODIFIER" ? m.orders : []));
  const hasWindows = propertiesOf([parts, orders]).windows;
  if (!isAggregation(node)) return hasWindows && windowsAreLocal([parts, orders], isDisjoint);
  // Windows over groups see the groups of all executors.
  return !hasWindows && node.qualify === null && groupsAreLocal(node, scope, isDisjoint);
}

function groupsAreLocal(node: SelectNode, scope: Scope, isDisjoint: (e: Expression) => boolean): boolean {
  try {
    const aliases = new Aliases(node, scope);
    const items = node.select_list.map((item) => aliases.inline({ ...item, alias: "" }));
    if (node.aggregate_handling === "FORCE_AGGREGATES") return items.some(isDisjoint);
    const local = node.group_expressions.map((group) => {
      const ordinal = ordinalOf(group);
      const found = ordinal === undefined ? aliases.inline(group) : items[ordinal - 1];
      return found !== undefined && isDisjoint(found);
    });
    const sets = node.group_sets.length === 0 ? [local.map((_, i) => i)] : node.group_sets;
    return sets.every((set) => set.some((i) => local[i] === true));
  } catch (error) {
    if (error instanceof NotSplit) return false;
    throw error;
  }
}

function windowsAreLocal(parts: unknown, isDisjoint: (e: Expression) => boolean): boolean {
  let local = true;
  walk(parts, (object) => {
    if (object["class"] === "SUBQUERY") return false;
    if (object["class"] === "WINDOW") {
      const partitions = object["partitions"] as readonly Expression[];
      if (!partitions.some(isDisjoint)) local = false;
    }
    return local;
  });
  return local;
}

function isColumnOf(e: Expression, scope: Scope, columns: ReadonlySet<string>): boolean {
  if (e.class !== "COLUMN_REF") return false;
  const names = unqualified(scope, e);
  const [name] = names;
  return names.length === 1 && name !== undefined && columns.has(name);
}
