/**
 * The parsed statement as `json_serialize_sql` of DuckDB 1.5.5 gives it: the engine's own parser, so that the planner
 * and the engine never disagree on the language (spec chapter 07, Planning). Only nodes listed here are understood;
 * `readTree` refuses any other. All nodes are immutable: rewriting makes new ones.
 */
export type QueryNode = SelectNode | SetOperationNode | RecursiveCteNode;

export interface SelectNode {
  readonly type: "SELECT_NODE";
  readonly modifiers: readonly Modifier[];
  readonly cte_map: CteMap;
  readonly select_list: readonly Expression[];
  readonly from_table: TableRef;
  readonly where_clause: Expression | null;
  readonly group_expressions: readonly Expression[];
  readonly group_sets: readonly (readonly number[])[];
  readonly aggregate_handling: "STANDARD_HANDLING" | "FORCE_AGGREGATES" | "NO_AGGREGATES_ALLOWED";
  readonly having: Expression | null;
  readonly sample: Sample | null;
  readonly qualify: Expression | null;
}

export interface SetOperationNode {
  readonly type: "SET_OPERATION_NODE";
  readonly modifiers: readonly Modifier[];
  readonly cte_map: CteMap;
  readonly setop_type: "UNION" | "EXCEPT" | "INTERSECT" | "UNION_BY_NAME";
  readonly setop_all: boolean;
  readonly left: QueryNode;
  readonly right: QueryNode;
}

export interface RecursiveCteNode {
  readonly type: "RECURSIVE_CTE_NODE";
  readonly modifiers: readonly Modifier[];
  readonly cte_map: CteMap;
  readonly cte_name: string;
  readonly union_all: boolean;
  readonly left: QueryNode;
  readonly right: QueryNode;
  readonly key_targets?: readonly Expression[];
}

export interface CteMap {
  readonly map: readonly CteEntry[];
}

export interface CteEntry {
  readonly key: string;
  readonly value: {
    readonly aliases: readonly string[];
    readonly query: Statement;
    readonly materialized: string;
    readonly key_targets?: readonly Expression[];
  };
}

/** A complete statement or subquery. */
export interface Statement {
  readonly node: QueryNode;
}

export type Modifier =
  | { readonly type: "ORDER_MODIFIER"; readonly orders: readonly OrderBy[] }
  | {
      readonly type: "LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER";
      readonly limit: Expression | null;
      readonly offset: Expression | null;
    }
  | { readonly type: "DISTINCT_MODIFIER"; readonly distinct_on_targets: readonly Expression[] };

export interface OrderBy {
  readonly type: "ASCENDING" | "DESCENDING" | "ORDER_DEFAULT";
  readonly null_order: "NULLS FIRST" | "NULLS LAST" | "ORDER_DEFAULT";
  readonly expression: Expression;
}

export interface Sample {
  readonly sample_size: Constant;
  readonly is_percentage: boolean;
  readonly method: string;
  readonly seed: number;
}

export type TableRef =
  | BaseTableRef
  | SubqueryRef
  | JoinRef
  | TableFunctionRef
  | ExpressionListRef
  | PivotRef
  | ShowRef
  | EmptyRef;

interface RefBase {
  readonly alias: string;
  readonly sample: Sample | null;
  readonly query_location?: number;
}

export interface BaseTableRef extends RefBase {
  readonly type: "BASE_TABLE";
  readonly catalog_name: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly column_name_alias: readonly string[];
  readonly at_clause: null | object;
  /** Set by the planner on a reference to a table of the catalog: its place among the statement's references. */
  readonly use?: number;
}

export interface SubqueryRef extends RefBase {
  readonly type: "SUBQUERY";
  readonly subquery: Statement;
  readonly column_name_alias: readonly string[];
}

export interface JoinRef extends RefBase {
  readonly type: "JOIN";
  readonly left: TableRef;
  readonly right: TableRef;
  readonly condition: Expression | null;
  readonly join_type: "INNER" | "LEFT" | "RIGHT" | "FULL" | "OUTER" | "SEMI" | "ANTI";
  readonly ref_type: "REGULAR" | "NATURAL" | "CROSS" | "POSITIONAL" | "ASOF";
  readonly using_columns: readonly string[];
}

export interface TableFunctionRef extends RefBase {
  readonly type: "TABLE_FUNCTION";
  readonly function: FunctionExpression;
  readonly column_name_alias: readonly string[];
  readonly with_ordinality: string;
}

export interface ExpressionListRef extends RefBase {
  readonly type: "EXPRESSION_LIST";
  readonly values: readonly (readonly Expression[])[];
  readonly expected_names: readonly string[];
}

export interface PivotRef extends RefBase {
  readonly type: "PIVOT";
  readonly source: TableRef;
  readonly aggregates: readonly Expression[];
  readonly unpivot_names: readonly string[];
  readonly pivots: readonly {
    readonly pivot_expressions: readonly Expression[];
    readonly unpivot_names: readonly string[];
    readonly entries: readonly {
      readonly values: readonly Constant[];
      readonly star_expr: Expression | null;
      readonly alias: string;
    }[];
    readonly pivot_enum: string;
  }[];
  readonly groups: readonly string[];
  readonly column_name_alias: readonly string[];
  readonly include_nulls: boolean;
}

export interface ShowRef extends RefBase {
  readonly type: "SHOW_REF";
  readonly table_name: string;
  readonly query: QueryNode | null;
  readonly show_type: "SUMMARY" | "DESCRIBE" | "SHOW_FROM" | "SHOW_UNQUALIFIED";
}

export interface EmptyRef extends RefBase {
  readonly type: "EMPTY";
}

export type Expression =
  | ColumnRef
  | ConstantExpression
  | FunctionExpression
  | WindowExpression
  | ComparisonExpression
  | ConjunctionExpression
  | OperatorExpression
  | BetweenExpression
  | CaseExpression
  | CastExpression
  | CollateExpression
  | SubqueryExpression
  | StarExpression
  | LambdaExpression
  | ParameterExpression
  | PositionalReference;

interface ExpressionBase {
  readonly alias: string;
  readonly query_location?: number;
}

export interface ColumnRef extends ExpressionBase {
  readonly class: "COLUMN_REF";
  readonly column_names: readonly string[];
}

export interface ConstantExpression extends ExpressionBase {
  readonly class: "CONSTANT";
  readonly value: Constant;
}

export interface FunctionExpression extends ExpressionBase {
  readonly class: "FUNCTION";
  readonly function_name: string;
  readonly schema: string;
  readonly catalog: string;
  readonly children: readonly Expression[];
  readonly filter: Expression | null;
  readonly order_bys: { readonly orders: readonly OrderBy[] } | null;
  readonly distinct: boolean;
  readonly is_operator: boolean;
  readonly export_state: boolean;
}

export interface WindowExpression extends ExpressionBase {
  readonly class: "WINDOW";
  readonly type: string;
  readonly function_name: string;
  readonly schema: string;
  readonly catalog: string;
  readonly children: readonly Expression[];
  readonly partitions: readonly Expression[];
  readonly orders: readonly OrderBy[];
  readonly start: string;
  readonly end: string;
  readonly start_expr: Expression | null;
  readonly end_expr: Expression | null;
  readonly offset_expr: Expression | null;
  readonly default_expr: Expression | null;
  readonly ignore_nulls: boolean;
  readonly filter_expr: Expression | null;
  readonly exclude_clause: string;
  readonly distinct: boolean;
  readonly arg_orders: readonly OrderBy[];
}

export interface ComparisonExpression extends ExpressionBase {
  readonly class: "COMPARISON";
  readonly type: string;
  readonly left: Expression;
  readonly right: Expression;
}

export interface ConjunctionExpression extends ExpressionBase {
  readonly class: "CONJUNCTION";
  readonly type: "CONJUNCTION_AND" | "CONJUNCTION_OR";
  readonly children: readonly Expression[];
}

export interface OperatorExpression extends ExpressionBase {
  readonly class: "OPERATOR";
  readonly type: string;
  readonly children: readonly Expression[];
}

export interface BetweenExpression extends ExpressionBase {
  readonly class: "BETWEEN";
  readonly type?: string;
  readonly input: Expression;
  readonly lower: Expression;
  readonly upper: Expression;
}

export interface CaseExpression extends ExpressionBase {
  readonly class: "CASE";
  readonly case_checks: readonly { readonly when_expr: Expression; readonly then_expr: Expression }[];
  readonly else_expr: Expression;
}

export interface CastExpression extends ExpressionBase {
  readonly class: "CAST";
  readonly child: Expression;
  readonly cast_type: LogicalType;
  readonly try_cast: boolean;
}

export interface CollateExpression extends ExpressionBase {
  readonly class: "COLLATE";
  readonly child: Expression;
  readonly collation: string;
}

export interface SubqueryExpression extends ExpressionBase {
  readonly class: "SUBQUERY";
  readonly subquery_type: "SCALAR" | "EXISTS" | "NOT_EXISTS" | "ANY";
  readonly subquery: Statement;
  readonly child: Expression | null;
  readonly comparison_type: string;
}

export interface StarExpression extends ExpressionBase {
  readonly class: "STAR";
  readonly relation_name: string;
  readonly exclude_list: readonly string[];
  readonly qualified_exclude_list: readonly QualifiedColumn[];
  readonly replace_list: readonly { readonly key: string; readonly value: Expression }[];
  readonly rename_list: readonly { readonly key: QualifiedColumn; readonly value: string }[];
  readonly columns: boolean;
  readonly expr: Expression | null;
}

export interface QualifiedColumn {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

export interface LambdaExpression extends ExpressionBase {
  readonly class: "LAMBDA";
  readonly lhs: Expression;
  readonly expr: Expression;
}

export interface ParameterExpression extends ExpressionBase {
  readonly class: "PARAMETER";
  readonly identifier: string;
}

export interface PositionalReference extends ExpressionBase {
  readonly class: "POSITIONAL_REFERENCE";
  readonly index: number;
}

/** A value as DuckDB serialises it: physical, so dates are days and decimals unscaled integers. */
export interface Constant {
  readonly type: LogicalType;
  readonly is_null: boolean;
  readonly value?: PhysicalValue;
}

export type PhysicalValue =
  | boolean
  | number
  | bigint
  | string
  | { readonly upper: number | bigint; readonly lower: number | bigint }
  | { readonly months: number; readonly days: number; readonly micros: number | bigint }
  | { readonly children: readonly Constant[] };

export interface LogicalType {
  readonly id: string;
  readonly type_info: null | {
    readonly type: string;
    readonly alias?: string;
    readonly width?: number;
    readonly scale?: number;
    readonly size?: number;
    readonly child_type?: LogicalType;
    readonly child_types?: readonly { readonly first: string; readonly second: LogicalType }[];
    readonly name?: string;
    readonly catalog?: string;
    readonly schema?: string;
    readonly user_type_modifiers?: readonly Constant[];
    readonly values?: readonly string[];
    readonly collation?: string;
  };
}
