import type { TableUse } from "../plan/resolve.ts";
import type { QueryNode, SelectNode } from "../tree/tree.ts";
import { type TreeObject, walk } from "../tree/walk.ts";
import { splitAggregation } from "./aggregation.ts";
import { type Block, NotSplit } from "./block.ts";
import { isAggregation, propertiesOf } from "./properties.ts";
import { type DisjointColumns, isUndivided } from "./push-down.ts";
import { splitRows } from "./rows.ts";

/** A block that stays in the scheduler, and why: what EXPLAIN shows. */
export interface GatheredBlock {
  readonly node: SelectNode;
  readonly reason: string;
}

export interface FoundBlocks {
  /** Blocks that fragments answer, none inside another. */
  readonly split: readonly Block[];
  readonly gathered: readonly GatheredBlock[];
}

export interface KnownOfBlocks {
  readonly refused: ReadonlyMap<SelectNode, string>;
  readonly disjoint: DisjointColumns;
}

/**
 * Go through the query blocks of a statement from the outside in, and split each as far out as it can be. What stays
 * in the scheduler reads its tables' needed rows and columns.
 *
 * @param known.refused blocks that turned out not to work alone (they refer to an outer query, or their types forbid it).
 * @param known.disjoint columns whose equal values are all on one executor.
 */
export function findBlocks(root: QueryNode, uses: readonly TableUse[], known: KnownOfBlocks): FoundBlocks {
  const split: Block[] = [];
  const gathered: GatheredBlock[] = [];
  const visit = (part: unknown) => {
    walk(part, (object) => {
      if (object["type"] !== "SELECT_NODE") return true;
      const node = object as TreeObject & SelectNode;
      if (!readsCatalog(node)) return false;
      const decided = decide(node, node === root, uses, known);
      if (decided === undefined) return true;
      if ("reason" in decided && "strategy" in decided) {
        split.push(decided);
        // What stays in the combining statement may hold subqueries with blocks of their own.
        visit([node.cte_map, node.having, node.select_list, node.modifiers, node.qualify]);
        return false;
      }
      gathered.push(decided);
      return true;
    });
  };
  visit(root);
  return { split, gathered };
}

function decide(
  node: SelectNode,
  isRoot: boolean,
  uses: readonly TableUse[],
  { refused, disjoint }: KnownOfBlocks,
): Block | GatheredBlock | undefined {
  const reason = refused.get(node);
  if (reason !== undefined) return { node, reason };
  try {
    const pushed = isUndivided(node, uses, disjoint) ? attempt(() => splitRows(node, uses, true)) : undefined;
    if (pushed !== undefined) return pushed;
    if (isAggregation(node)) {
      if (isTainted(node)) throw new NotSplit("a volatile function is evaluated in the scheduler only");
      return splitAggregation(node, uses);
    }
    const limited = node.modifiers.some(({ type }) => type !== "ORDER_MODIFIER");
    // Inside of another query a plain projection gains nothing: its table is fetched as the query needs it.
    return isRoot || limited ? splitRows(node, uses) : undefined;
  } catch (error) {
    if (error instanceof NotSplit) return { node, reason: error.message };
    throw error;
  }
}

function attempt(split: () => Block): Block | undefined {
  try {
    return split();
  } catch (error) {
    if (error instanceof NotSplit) return undefined;
    throw error;
  }
}

function isTainted(node: SelectNode): boolean {
  return propertiesOf([node.select_list, node.having, node.where_clause, node.from_table]).volatile;
}

/** True when a table of the catalog is read anywhere in the part. */
export function readsCatalog(part: unknown): boolean {
  let found = false;
  walk(part, (object) => {
    if (object["use"] !== undefined) found = true;
    return !found;
  });
  return found;
}
