import type { Json, SqlColumn } from "../../src/ports/database.ts";

/** One statement of the corpus, with what "the same answer" means for it. */
export interface CorpusQuery {
  /** Unique within its source, e.g. `tpch-q03`; what a report and a replay command name. */
  readonly name: string;
  readonly sql: string;
  readonly comparison: Comparison;
}

/**
 * How the answer of a query is compared with the truth (spec chapter 11, Differential testing).
 *
 * Without `full` and `witness` the answer must be the same multiset of rows, in the order of `order`, where rows with
 * equal keys may stand in any order among themselves.
 */
export interface Comparison {
  /** The output columns that the statement orders by; empty when it promises no order. */
  readonly order: readonly OrderKey[];
  /**
   * Present when a LIMIT may cut among equals: the statement without its LIMIT and OFFSET. A right answer has the keys
   * of the truth position by position, and its rows are some of these.
   */
  readonly full?: string;
  /** Present when columns may hold one of several right values. */
  readonly witness?: Witness;
}

export interface OrderKey {
  /** Position in the output, from 0. */
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** A statement that gives, for the same rows, what each loose column may hold. */
export interface Witness {
  readonly sql: string;
  readonly rules: readonly LooseColumn[];
}

/**
 * - `one-of`: the witness is a list; the answer is one of its items, or NULL when it is empty or NULL.
 * - `same-items`: both are lists; equal as multisets.
 * - `within`: the witness is a list of two numbers; the answer lies between them, ends included; NULL only for NULL.
 */
export interface LooseColumn {
  /** Position in the output, from 0. */
  readonly column: number;
  readonly rule: "one-of" | "same-items" | "within";
}

/** A result: rows by position, because a result may carry one name twice. */
export interface Answer {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly (readonly Json[])[];
}
