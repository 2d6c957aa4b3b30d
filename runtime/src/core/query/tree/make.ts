import type {
  BaseTableRef,
  CastExpression,
  ColumnRef,
  Constant,
  ConstantExpression,
  Expression,
  FunctionExpression,
  SelectNode,
  SubqueryRef,
} from "./tree.ts";

/** A reference to a column by its path. */
export function column(...names: string[]): ColumnRef {
  return { class: "COLUMN_REF", alias: "", column_names: names };
}

export function constant(value: Constant): ConstantExpression {
  return { class: "CONSTANT", alias: "", value };
}

export function stringConstant(text: string): ConstantExpression {
  return constant({ type: { id: "VARCHAR", type_info: null }, is_null: false, value: text });
}

export function integerConstant(value: number): ConstantExpression {
  return constant({ type: { id: "INTEGER", type_info: null }, is_null: false, value });
}

export function nullConstant(): ConstantExpression {
  return constant({ type: { id: "NULL", type_info: null }, is_null: true });
}

/** `CAST(child AS id)` for a type without parameters. */
export function cast(child: Expression, id: string): CastExpression {
  return { class: "CAST", alias: "", child, cast_type: { id, type_info: null }, try_cast: false };
}

export function call(
  name: string,
  children: readonly Expression[],
  options: Partial<Pick<FunctionExpression, "filter" | "distinct" | "order_bys" | "is_operator">> = {},
): FunctionExpression {
  return {
    class: "FUNCTION",
    alias: "",
    function_name: name,
    schema: "",
    catalog: "",
    children,
    filter: options.filter ?? null,
    order_bys: options.order_bys ?? null,
    distinct: options.distinct ?? false,
    is_operator: options.is_operator ?? false,
    export_state: false,
  };
}

/** `left operator right`. */
export function binary(operator: string, left: Expression, right: Expression): FunctionExpression {
  return call(operator, [left, right], { is_operator: true });
}

export function aliased<T extends Expression>(expression: T, alias: string): T {
  return { ...expression, alias };
}

export function table(name: string, alias = ""): BaseTableRef {
  return {
    type: "BASE_TABLE",
    alias,
    sample: null,
    catalog_name: "",
    schema_name: "",
    table_name: name,
    column_name_alias: [],
    at_clause: null,
  };
}

export function subquery(node: SelectNode, alias: string): SubqueryRef {
  return { type: "SUBQUERY", alias, sample: null, subquery: { node }, column_name_alias: [] };
}

/** A SELECT with nothing but its list and its FROM. */
export function select(
  list: readonly Expression[],
  from: SelectNode["from_table"],
  rest: Partial<SelectNode> = {},
): SelectNode {
  return {
    type: "SELECT_NODE",
    modifiers: [],
    cte_map: { map: [] },
    select_list: list,
    from_table: from,
    where_clause: null,
    group_expressions: [],
    group_sets: [],
    aggregate_handling: "STANDARD_HANDLING",
    having: null,
    sample: null,
    qualify: null,
    ...rest,
  };
}
