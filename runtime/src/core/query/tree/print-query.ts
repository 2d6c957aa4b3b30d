import { quoteIdentifier } from "../../sql/quote.ts";
import { printSample } from "./print-from.ts";
import { printOrders } from "./print-orders.ts";
import type { Printer } from "./printer.ts";
import type { CteMap, Modifier, QueryNode, SelectNode } from "./tree.ts";
import { UnprintableError } from "./unprintable.ts";

/**
 * A query as SQL that parses to the same tree. The engine has `json_deserialize_sql`, but it loses parentheses around
 * joins, and a call of it costs as much as planning.
 * @throws UnprintableError for a node that has no SQL form here.
 */
export function printQuery(p: Printer, node: QueryNode): string {
  const ctes = printCtes(p, node.cte_map);
  switch (node.type) {
    case "SELECT_NODE":
      return `${ctes}${printSelect(p, node)}${printModifiers(p, node.modifiers)}`;
    case "SET_OPERATION_NODE": {
      const all = node.setop_all ? " ALL" : "";
      const operator =
        node.setop_type === "UNION_BY_NAME" ? `UNION${all} BY NAME` : `${node.setop_type}${all}`;
      const distinct = node.modifiers.filter(({ type }) => type === "DISTINCT_MODIFIER");
      if (distinct.length > 0) throw new UnprintableError("DISTINCT over a set operation");
      const sides = `(${p.query(node.left)}) ${operator} (${p.query(node.right)})`;
      return `${ctes}${sides}${printModifiers(p, node.modifiers)}`;
    }
    case "RECURSIVE_CTE_NODE": {
      const sides = `(${p.query(node.left)}) UNION ${node.union_all ? "ALL " : ""}(${p.query(node.right)})`;
      return `${ctes}${sides}${printModifiers(p, node.modifiers)}`;
    }
    default:
      return node satisfies never;
  }
}

function printCtes(p: Printer, ctes: CteMap): string {
  if (ctes.map.length === 0) return "";
  const recursive = ctes.map.some(({ value }) => value.query.node.type === "RECURSIVE_CTE_NODE");
  const items = ctes.map.map(({ key, value }) => {
    const columns = value.aliases.length === 0 ? "" : `(${value.aliases.map(quoteIdentifier).join(", ")})`;
    const keys =
      value.key_targets === undefined || value.key_targets.length === 0
        ? ""
        : ` USING KEY (${value.key_targets.map((e) => p.expression(e)).join(", ")})`;
    return `${quoteIdentifier(key)}${columns}${keys} AS (${p.query(value.query.node)})`;
  });
  return `WITH ${recursive ? "RECURSIVE " : ""}${items.join(", ")} `;
}

function printSelect(p: Printer, node: SelectNode): string {
  const parts = [
    `SELECT ${printDistinct(p, node)}${node.select_list.map((item) => printItem(p, item)).join(", ")}`,
  ];
  if (node.from_table.type !== "EMPTY") parts.push(`FROM ${p.from(node.from_table)}`);
  if (node.where_clause !== null) parts.push(`WHERE ${p.expression(node.where_clause)}`);
  const groups = printGroups(p, node);
  if (groups !== "") parts.push(`GROUP BY ${groups}`);
  if (node.having !== null) parts.push(`HAVING ${p.expression(node.having)}`);
  if (node.qualify !== null) parts.push(`QUALIFY ${p.expression(node.qualify)}`);
  if (node.sample !== null) parts.push(`USING SAMPLE ${printSample(node.sample)}`);
  return parts.join(" ");
}

function printItem(p: Printer, item: SelectNode["select_list"][number]): string {
  const text = p.expression(item);
  return item.alias === "" ? text : `${text} AS ${quoteIdentifier(item.alias)}`;
}

function printDistinct(p: Printer, node: SelectNode): string {
  for (const modifier of node.modifiers) {
    if (modifier.type !== "DISTINCT_MODIFIER") continue;
    const targets = modifier.distinct_on_targets;
    return targets.length === 0
      ? "DISTINCT "
      : `DISTINCT ON (${targets.map((e) => p.expression(e)).join(", ")}) `;
  }
  return "";
}

function printGroups(p: Printer, node: SelectNode): string {
  if (node.aggregate_handling === "FORCE_AGGREGATES") return "ALL";
  const expressions = node.group_expressions.map((e) => p.expression(e));
  const sets = node.group_sets;
  if (sets.length === 0) return expressions.join(", ");
  if (sets.length === 1 && sets[0]?.length === expressions.length && expressions.length > 0) {
    return expressions.join(", ");
  }
  const items = sets.map((set) => `(${set.map((i) => expressions[i]).join(", ")})`);
  return `GROUPING SETS (${items.join(", ")})`;
}

function printModifiers(p: Printer, modifiers: readonly Modifier[]): string {
  let text = "";
  for (const modifier of modifiers) {
    switch (modifier.type) {
      case "DISTINCT_MODIFIER":
        break;
      case "ORDER_MODIFIER":
        text += ` ORDER BY ${printOrders(p, modifier.orders)}`;
        break;
      case "LIMIT_MODIFIER":
      case "LIMIT_PERCENT_MODIFIER": {
        const unit = modifier.type === "LIMIT_PERCENT_MODIFIER" ? " %" : "";
        if (modifier.limit !== null) text += ` LIMIT (${p.expression(modifier.limit)})${unit}`;
        if (modifier.offset !== null) text += ` OFFSET (${p.expression(modifier.offset)})`;
        break;
      }
      default:
        return modifier satisfies never;
    }
  }
  return text;
}
