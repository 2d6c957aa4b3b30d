import type { BoundExpression, BoundGet, BoundNode } from "./bound-plan.ts";

/** A column of a table, as a plan reads it. */
export interface ColumnOrigin {
  /** The shadow table's name. */
  readonly shadow: string;
  readonly column: number;
}

/**
 * Of `target` only rows matter whose column value is among the values of `source`'s column: they are joined by
 * equality, and the join drops or ignores the others.
 */
export interface JoinEdge {
  readonly target: ColumnOrigin;
  readonly source: ColumnOrigin;
}

interface BoundJoin extends BoundNode {
  readonly join_type: string;
  readonly left_projection_map?: readonly number[];
  readonly right_projection_map?: readonly number[];
  readonly conditions: readonly {
    readonly left: BoundExpression;
    readonly right: BoundExpression;
    readonly comparison: string;
  }[];
}

/** Where each output column of a node comes from; undefined as a whole when even their number is unknown. */
type Origins = readonly (ColumnOrigin | undefined)[] | undefined;

/** Sides whose rows without a partner the join drops or never looks at. */
const reducible: Readonly<Record<string, readonly ("left" | "right")[]>> = {
  INNER: ["left", "right"],
  SEMI: ["left", "right"],
  RIGHT_SEMI: ["left", "right"],
  LEFT: ["right"],
  SINGLE: ["right"],
  ANTI: ["right"],
  RIGHT: ["left"],
  RIGHT_ANTI: ["left"],
};

/**
 * The equality joins of a plan between columns of tables, seen through what filtering a table's rows commutes with:
 * filters, plain projections, groupings by the column, and the sides of joins that keep or drop rows as they are.
 */
export function joinEdges(
  plan: BoundNode,
  shadowOf: (get: BoundGet) => string | undefined,
): readonly JoinEdge[] {
  const edges: JoinEdge[] = [];
  const origins = (node: BoundNode): Origins => {
    const [first, second] = (node.children ?? []).map(origins);
    switch (node.type) {
      case "LOGICAL_GET":
        return getOrigins(node as BoundGet, shadowOf);
      case "LOGICAL_FILTER":
      case "LOGICAL_ORDER_BY":
        return projected(first, (node as { projection_map?: readonly number[] }).projection_map);
      case "LOGICAL_PROJECTION":
        return (node.expressions ?? []).map((e) => originOf(e, first));
      case "LOGICAL_AGGREGATE_AND_GROUP_BY":
        return groupOrigins(node, first);
      case "LOGICAL_COMPARISON_JOIN":
        noteEdges(node as BoundJoin, first, second, edges);
        return joinOrigins(node as BoundJoin, first, second);
      case "LOGICAL_CROSS_PRODUCT":
        return first === undefined || second === undefined ? undefined : [...first, ...second];
      case "LOGICAL_LIMIT":
      case "LOGICAL_DISTINCT":
        // Which rows these keep depends on all of them.
        return first?.map(() => undefined);
      default:
        return undefined;
    }
  };
  origins(plan);
  return edges;
}

function getOrigins(get: BoundGet, shadowOf: (get: BoundGet) => string | undefined): Origins {
  const shadow = shadowOf(get);
  const outputs = get.projection_ids.length === 0 ? get.column_indexes.map((_, i) => i) : get.projection_ids;
  return outputs.map((output) => {
    const index = get.column_indexes[output]?.index;
    const column = index === undefined ? Number.POSITIVE_INFINITY : Number(index);
    return shadow === undefined || column >= get.names.length ? undefined : { shadow, column };
  });
}

function originOf(expression: BoundExpression, input: Origins): ColumnOrigin | undefined {
  return expression.expression_class === "BOUND_REF" ? input?.[expression.index] : undefined;
}

function projected(input: Origins, map: readonly number[] | undefined): Origins {
  return input === undefined || map === undefined || map.length === 0 ? input : map.map((i) => input[i]);
}

function groupOrigins(node: BoundNode, input: Origins): Origins {
  const { groups, grouping_sets: sets } = node as {
    groups?: readonly BoundExpression[];
    grouping_sets?: readonly (readonly number[])[];
  };
  // With several grouping sets a key is missing in some of them.
  const single = (sets ?? []).length <= 1;
  return [
    ...(groups ?? []).map((group) => (single ? originOf(group, input) : undefined)),
    ...(node.expressions ?? []).map(() => undefined),
  ];
}

function noteEdges(join: BoundJoin, left: Origins, right: Origins, edges: JoinEdge[]): void {
  const sides = reducible[join.join_type] ?? [];
  for (const condition of join.conditions) {
    if (condition.comparison !== "COMPARE_EQUAL") continue;
    const a = originOf(condition.left, left);
    const b = originOf(condition.right, right);
    if (a === undefined || b === undefined || a.shadow === b.shadow) continue;
    if (sides.includes("left")) edges.push({ target: a, source: b });
    if (sides.includes("right")) edges.push({ target: b, source: a });
  }
}

function joinOrigins(join: BoundJoin, left: Origins, right: Origins): Origins {
  const l = projected(left, join.left_projection_map);
  const r = projected(right, join.right_projection_map);
  const none = (origins: NonNullable<Origins>) => origins.map(() => undefined);
  if (l === undefined) return undefined;
  switch (join.join_type) {
    case "SEMI":
    case "ANTI":
      return l;
    case "MARK":
      return [...l, undefined];
    default:
  }
  if (r === undefined) return undefined;
  switch (join.join_type) {
    case "INNER":
      return [...l, ...r];
    case "LEFT":
    case "SINGLE":
      return [...l, ...none(r)];
    case "RIGHT":
      return [...none(l), ...r];
    case "RIGHT_SEMI":
    case "RIGHT_ANTI":
      return r;
    case "OUTER":
    case "FULL":
      return [...none(l), ...none(r)];
    default:
      return undefined;
  }
}
