import type { QueryNode, SelectNode } from "../tree/tree.ts";

/**
 * The name of the fragments' rows inside a combining query. Its columns are always named with it: a bare name would be
 * taken for a result column that happens to bear it.
 */
export const rows = "r";

export interface OutputColumn {
  readonly name: string;
  readonly type: string;
}

/** How one query block is answered by fragments on executors and a statement over their results. */
export interface Block {
  readonly strategy: "split-aggregation" | "top-k" | "limit" | "distinct" | "scan" | "push-down";
  /** For people: why this strategy, in a few words. */
  readonly reason: string;
  /** The node of the statement that this block replaces. */
  readonly node: SelectNode;
  /** The table uses that its fragments read. */
  readonly uses: readonly number[];
  /** What every executor runs over its own partitions. */
  readonly fragment: SelectNode;
  /**
   * The fragment without grouping, for executors that see that grouping would not shrink their rows: states of one
   * row each, cast to the types of the fragment's columns; `keys` are the columns that it groups by.
   */
  readonly ungrouped?: {
    readonly keys: readonly string[];
    readonly statement: (types: readonly string[]) => SelectNode;
  };
  /**
   * The query over the fragments' rows (a relation `fragment` with the fragment's columns) that gives the block's
   * result. Undefined when the types that the engine found do not allow the split.
   */
  combine(context: CombineContext): QueryNode | undefined;
  /**
   * Subqueries that stay in the combining query. They must bind alone: what they refer to outside of themselves is
   * gone there.
   */
  readonly kept: readonly QueryNode[];
  /** True when the fragments' rows, one after another, are the block's result already. */
  readonly passThrough: boolean;
}

export interface CombineContext {
  /** Name of the relation of the fragments' rows. */
  readonly fragment: string;
  /** The fragment's columns as the engine names and types them. */
  readonly columns: readonly OutputColumn[];
  /** The block's own result columns. */
  readonly output: readonly OutputColumn[];
}

/** Why a block cannot be split: it is gathered then. */
export class NotSplit extends Error {
  override readonly name = "NotSplit";
}
