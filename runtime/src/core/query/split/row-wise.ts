import type { Expression, QueryNode, TableRef } from "../tree/tree.ts";
import { callsAggregateMacro, isAggregation, propertiesOf } from "./properties.ts";

/**
 * The table uses behind a FROM clause whose rows may be computed part by part: the result over all rows of the
 * tables is the union of the results over any division of them. Undefined when that does not hold.
 *
 * It holds for a table; for a projection and filter over such a thing; for UNION ALL of them; and for joins with
 * something that reads no table (VALUES, series, `unnest` of a column), where that side is repeated everywhere.
 */
export function rowWiseUses(from: TableRef): readonly number[] | undefined {
  switch (from.type) {
    case "BASE_TABLE":
      return from.use === undefined || from.sample !== null ? undefined : [from.use];
    case "SUBQUERY":
      return from.sample !== null ? undefined : rowWiseQueryUses(from.subquery.node);
    case "JOIN": {
      if (from.condition !== null && !isRowWise(from.condition)) return undefined;
      if (from.ref_type !== "CROSS" && from.ref_type !== "REGULAR") return undefined;
      const kind = from.join_type;
      const rightConstant = isConstant(from.right) && ["INNER", "LEFT", "SEMI", "ANTI"].includes(kind);
      if (rightConstant) return rowWiseUses(from.left);
      return isConstant(from.left) && kind === "INNER" ? rowWiseUses(from.right) : undefined;
    }
    default:
      return undefined;
  }
}

function rowWiseQueryUses(node: QueryNode): readonly number[] | undefined {
  if (node.modifiers.length > 0 || node.cte_map.map.length > 0) return undefined;
  switch (node.type) {
    case "SELECT_NODE": {
      if (isAggregation(node) || node.qualify !== null || node.sample !== null) return undefined;
      const expressions = [...node.select_list, ...(node.where_clause === null ? [] : [node.where_clause])];
      return expressions.every(isRowWise) ? rowWiseUses(node.from_table) : undefined;
    }
    case "SET_OPERATION_NODE": {
      if (!node.setop_all || !node.setop_type.startsWith("UNION")) return undefined;
      const left = rowWiseQueryUses(node.left);
      const right = rowWiseQueryUses(node.right);
      return left === undefined || right === undefined ? undefined : [...left, ...right];
    }
    default:
      return undefined;
  }
}

/** True for an expression over the columns of one row. */
export function isRowWise(expression: Expression): boolean {
  const { aggregates, windows, volatile, tables } = propertiesOf(expression);
  return !aggregates && !windows && !volatile && !tables && !callsAggregateMacro(expression);
}

/** True for a FROM that reads no table: the same rows everywhere. */
function isConstant(from: TableRef): boolean {
  if (from.type === "JOIN") return false;
  const { tables, volatile, samples } = propertiesOf(from);
  return !tables && !volatile && !samples && from.type !== "SHOW_REF";
}
