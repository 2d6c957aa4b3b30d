import type { BoundExpression, BoundGet, BoundNode, RowFilter, TableFilter } from "./bound-plan.ts";
import { probedBucket } from "./bucket-probe.ts";

/** What a statement needs of one table, so that nothing else has to be fetched. */
export interface TableNeeds {
  /** Indexes of the columns that are read, ascending. */
  readonly columns: readonly number[];
  /**
   * Rows outside of every one of these sets do not matter: one list of conjuncts for each place where the engine
   * scans the table. An empty list of conjuncts means all rows; an empty outer list means that it is never scanned.
   */
  readonly filters: readonly (readonly NeedFilter[])[];
}

export interface NeedFilter {
  readonly filter: RowFilter;
  /** Follows from the other filters: of use for skipping partitions, of none for testing rows. */
  readonly implied: boolean;
}

/**
 * The needs of each shadow table of an optimised plan, by the shadow's name. What the engine pushed into a scan, or
 * put as a filter right above it, may be applied where the rows are: that is what it would do itself.
 */
export function tableNeeds(
  plan: BoundNode,
  isShadow: (get: BoundGet) => string | undefined,
): Map<string, TableNeeds> {
  const found = new Map<string, { columns: Set<number>; filters: NeedFilter[][] }>();
  const visit = (node: BoundNode, above: readonly BoundExpression[]) => {
    if (isGet(node)) {
      const name = isShadow(node);
      if (name !== undefined) {
        const entry = found.get(name) ?? { columns: new Set<number>(), filters: [] };
        found.set(name, entry);
        for (const column of columnsOf(node)) entry.columns.add(column);
        entry.filters.push(filtersOf(node, above));
      }
    }
    const filters = node.type === "LOGICAL_FILTER" ? (node.expressions ?? []) : [];
    for (const child of node.children ?? []) visit(child, filters);
  };
  visit(plan, []);
  return new Map(
    [...found].map(([name, { columns, filters }]) => [
      name,
      { columns: [...columns].sort((a, b) => a - b), filters },
    ]),
  );
}

function isGet(node: BoundNode): node is BoundGet {
  return node.type === "LOGICAL_GET";
}

function columnsOf(get: BoundGet): number[] {
  // Row ids and the "no column" of count(*) have indexes beyond every real column.
  return get.column_indexes.map(({ index }) => Number(index)).filter((index) => index < get.names.length);
}

function filtersOf(get: BoundGet, above: readonly BoundExpression[]): NeedFilter[] {
  const filters: NeedFilter[] = [];
  for (const { key, value } of get.table_filters.filters) {
    const type = get.returned_types[key];
    if (type === undefined) continue;
    const column: BoundExpression = { expression_class: "BOUND_REF", index: key, return_type: type };
    collect(value, column, false, filters);
  }
  const outputs = get.projection_ids.length === 0 ? get.column_indexes.map((_, i) => i) : get.projection_ids;
  for (const expression of above) {
    const filter = mapRefs(expression, (index) => {
      const column = get.column_indexes[outputs[index] ?? -1];
      const table = column === undefined ? -1 : Number(column.index);
      return table >= 0 && table < get.names.length ? table : undefined;
    });
    if (filter !== undefined) filters.push({ filter, implied: false });
  }
  return filters;
}

/** Add the conjuncts of a scan's filter. */
function collect(filter: TableFilter, column: BoundExpression, implied: boolean, into: NeedFilter[]): void {
  if (filter.filter_type === "CONJUNCTION_AND") {
    for (const child of filter.child_filters) collect(child, column, implied, into);
  } else if (filter.filter_type === "OPTIONAL_FILTER") {
    if (filter.child_filter !== null) collect(filter.child_filter, column, true, into);
  } else {
    const expression = expressionOf(filter, column);
    if (expression !== undefined) into.push({ filter: expression, implied });
  }
}

/** A scan's filter as an expression over `column`; undefined when it is of a kind that only the engine can test. */
function expressionOf(filter: TableFilter, column: BoundExpression): BoundExpression | undefined {
  switch (filter.filter_type) {
    case "CONSTANT_COMPARISON":
      return {
        expression_class: "BOUND_COMPARISON",
        type: filter.comparison_type,
        left: column,
        right: { expression_class: "BOUND_CONSTANT", value: filter.constant },
      };
    case "IS_NULL":
    case "IS_NOT_NULL":
      return operator(`OPERATOR_${filter.filter_type}`, [column]);
    case "IN_FILTER":
      return operator("COMPARE_IN", [
        column,
        ...filter.values.map((value) => ({ expression_class: "BOUND_CONSTANT" as const, value })),
      ]);
    case "CONJUNCTION_AND":
    case "CONJUNCTION_OR": {
      const children = filter.child_filters.map((child) => expressionOf(child, column));
      if (children.some((child) => child === undefined)) return undefined;
      return {
        expression_class: "BOUND_CONJUNCTION",
        type: filter.filter_type,
        children: children as BoundExpression[],
      };
    }
    case "EXPRESSION_FILTER":
      return mapRefs(filter.expr, (index) =>
        index === 0 && column.expression_class === "BOUND_REF" ? column.index : undefined,
      );
    case "OPTIONAL_FILTER":
      return filter.child_filter === null ? undefined : expressionOf(filter.child_filter, column);
    case "STRUCT_EXTRACT":
    case "DYNAMIC_FILTER":
    case "BLOOM_FILTER":
      return undefined;
    default:
      return undefined;
  }
}

function operator(type: string, children: readonly BoundExpression[]): BoundExpression {
  return {
    expression_class: "BOUND_OPERATOR",
    type,
    children,
    return_type: { id: "BOOLEAN", type_info: null },
  };
}

/** The expression with its references renumbered; undefined when one has no number. */
function mapRefs(
  expression: BoundExpression,
  number: (index: number) => number | undefined,
): BoundExpression | undefined {
  let lost = false;
  const map = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(map);
    if (typeof node !== "object" || node === null) return node;
    const object = node as Record<string, unknown>;
    if (object["expression_class"] === "BOUND_REF") {
      const index = number(object["index"] as number);
      if (index === undefined) lost = true;
      return { ...object, index };
    }
    if (object["expression_class"] === "BOUND_CONSTANT") return node;
    const probed = probedBucket(object);
    if (probed !== undefined) return map(probed);
    return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
  };
  const mapped = map(expression) as BoundExpression;
  return lost ? undefined : mapped;
}
