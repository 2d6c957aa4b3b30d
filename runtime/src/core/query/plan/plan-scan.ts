/** The partitions of one table that a fragment reads on one executor, each pinned to a version. */
export interface PlanScan {
  /** The relation name in the fragment's SQL. */
  readonly name: string;
  /** The table's full name. */
  readonly table: string;
  readonly revision: number;
  readonly partitions: readonly { readonly key: string; readonly epoch: number; readonly version: number }[];
}

export type FragmentColumns = readonly { readonly name: string; readonly type: string }[];
