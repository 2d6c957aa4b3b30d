import type { Constant, LogicalType } from "../tree/tree.ts";

/**
 * The parts of `json_serialize_plan(…, optimize := true)` of DuckDB 1.5.5 that the planner reads: which columns and
 * rows of a table a statement needs, with names and types resolved by the engine itself.
 */
export interface BoundNode {
  readonly type: string;
  readonly children?: readonly BoundNode[];
  readonly expressions?: readonly BoundExpression[];
}

/** The scan of one table. */
export interface BoundGet extends BoundNode {
  readonly type: "LOGICAL_GET";
  readonly names: readonly string[];
  readonly returned_types: readonly LogicalType[];
  readonly projection_ids: readonly number[];
  readonly column_indexes: readonly { readonly index: number | bigint }[];
  readonly table_filters: {
    readonly filters: readonly { readonly key: number; readonly value: TableFilter }[];
  };
  readonly function_data?: { readonly catalog?: string; readonly schema?: string; readonly table?: string };
}

/** A filter inside a scan, on one column. */
export type TableFilter =
  | {
      readonly filter_type: "CONSTANT_COMPARISON";
      readonly comparison_type: string;
      readonly constant: Constant;
    }
  | {
      readonly filter_type: "CONJUNCTION_AND" | "CONJUNCTION_OR";
      readonly child_filters: readonly TableFilter[];
    }
  | { readonly filter_type: "IS_NULL" | "IS_NOT_NULL" }
  | { readonly filter_type: "IN_FILTER"; readonly values: readonly Constant[] }
  | { readonly filter_type: "OPTIONAL_FILTER"; readonly child_filter: TableFilter | null }
  | {
      readonly filter_type: "STRUCT_EXTRACT";
      readonly child_name: string;
      readonly child_filter: TableFilter;
    }
  | { readonly filter_type: "EXPRESSION_FILTER"; readonly expr: BoundExpression }
  | { readonly filter_type: "DYNAMIC_FILTER" | "BLOOM_FILTER" };

export type BoundExpression =
  | { readonly expression_class: "BOUND_REF"; readonly index: number; readonly return_type: LogicalType }
  | { readonly expression_class: "BOUND_CONSTANT"; readonly value: Constant }
  | {
      readonly expression_class: "BOUND_COMPARISON";
      readonly type: string;
      readonly left: BoundExpression;
      readonly right: BoundExpression;
    }
  | {
      readonly expression_class: "BOUND_CONJUNCTION";
      readonly type: "CONJUNCTION_AND" | "CONJUNCTION_OR";
      readonly children: readonly BoundExpression[];
    }
  | {
      readonly expression_class: "BOUND_OPERATOR";
      readonly type: string;
      readonly children: readonly BoundExpression[];
      readonly return_type: LogicalType;
    }
  | {
      readonly expression_class: "BOUND_BETWEEN";
      readonly input: BoundExpression;
      readonly lower: BoundExpression;
      readonly upper: BoundExpression;
      readonly lower_inclusive: boolean;
      readonly upper_inclusive: boolean;
    }
  | {
      readonly expression_class: "BOUND_CASE";
      readonly case_checks: readonly {
        readonly when_expr: BoundExpression;
        readonly then_expr: BoundExpression;
      }[];
      readonly else_expr: BoundExpression;
    }
  | {
      readonly expression_class: "BOUND_CAST";
      readonly child: BoundExpression;
      readonly return_type: LogicalType;
      readonly try_cast: boolean;
    }
  | {
      readonly expression_class: "BOUND_FUNCTION";
      readonly name: string;
      readonly children: readonly BoundExpression[];
      readonly original_arguments: readonly LogicalType[];
      readonly return_type: LogicalType;
      readonly is_operator: boolean;
    };

/** A filter on a table's rows in one form: column references are indexes into the table's columns. */
export type RowFilter = BoundExpression;
