import type { FragmentColumns, PlanScan } from "./plan-scan.ts";

/** How a statement is answered, from most to least done where the rows are. */
export type Strategy =
  | "whole-query"
  | "split-aggregation"
  | "top-k"
  | "limit"
  | "distinct"
  | "scan"
  | "push-down"
  | "gather"
  | "local";

export interface PlannedFragment {
  readonly id: string;
  /** The name that the final statement has for the fragment's rows; unique in its text. */
  readonly relation: string;
  readonly sql: string;
  /** Columns of the fragment's result, in order. */
  readonly columns: FragmentColumns;
  readonly ungrouped?: { readonly sql: string; readonly keys: readonly string[]; readonly scan: string };
  readonly targets: readonly FragmentTarget[];
  /**
   * Columns that the final statement sees: one of the fragment's by its position, or NULL for one that the answer
   * does not depend on.
   */
  readonly relationColumns: readonly {
    readonly name: string;
    readonly type: string;
    readonly source?: number;
  }[];
  readonly strategy: Strategy;
  /** Other fragments whose rows tell which of this one's matter: they are fetched first. */
  readonly reducedBy?: readonly FragmentReduction[];
}

/** Only rows whose `column` is among the values of a column of another fragment matter. */
export interface FragmentReduction {
  /** The column in this fragment's SQL, quoted. */
  readonly column: string;
  readonly type: string;
  /** The id of the other fragment, and the position of the column in its result. */
  readonly fragment: string;
  readonly position: number;
}

/** What one executor reads for a fragment. */
export interface FragmentTarget {
  readonly executor: string;
  readonly scans: readonly PlanScan[];
}

export interface TableRead {
  /** The table as the spicepod names it. */
  readonly table: string;
  readonly partitionsTotal: number;
  readonly partitionsRead: number;
  readonly reason: string;
}

export interface DistributedPlan {
  readonly strategy: string;
  readonly blocks: readonly { readonly strategy: Strategy; readonly reason: string }[];
  readonly tables: readonly TableRead[];
  readonly fragments: readonly PlannedFragment[];
  readonly final: FinalStep;
  /** The statement's result columns. */
  readonly columns: FragmentColumns;
  readonly executors: readonly string[];
  readonly partitionsTotal: number;
  readonly partitionsRead: number;
}

/** What the scheduler does with the fragments' rows. */
export type FinalStep =
  | { readonly kind: "pass-through"; readonly fragment: number }
  | { readonly kind: "statement"; readonly sql: string };
