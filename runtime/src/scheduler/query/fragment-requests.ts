import { inlineTypes } from "../../adapters/exchange/inline-type.ts";
import type { DistributedPlan, PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRequest } from "../../ports/exchange.ts";

/** One fragment for one executor. */
export interface FragmentCall {
  readonly fragment: PlannedFragment;
  readonly executor: string;
  readonly request: FragmentRequest;
}

/** Rows that pass through as they are come in one chunk of the engine. */
const chunkRows = 2_048;
/** Values that become parameters of a final statement; more are read faster as Parquet. */
const parameterValues = 4_096;

/**
 * The envelopes of all fragments of a plan.
 *
 * @param query `inline` says whether few rows may come as inline frames.
 */
export function fragmentCalls(
  plan: DistributedPlan,
  query: {
    readonly id: string;
    readonly deadlineMs: number;
    readonly trace: string;
    readonly inline: boolean;
  },
): readonly FragmentCall[] {
  // The rows of those that reduce others are read from files, by name.
  const sources = new Set(plan.fragments.flatMap(({ reducedBy = [] }) => reducedBy.map((r) => r.fragment)));
  return plan.fragments.flatMap((fragment) => {
    const inlineRows = query.inline && !sources.has(fragment.id) ? maxInlineRows(plan, fragment) : 0;
    return fragment.targets.map(({ executor, scans }) => ({
      fragment,
      executor,
      request: {
        protocol: 1 as const,
        queryId: query.id,
        fragmentId: `${fragment.id}@${executor}`,
        sql: fragment.sql,
        scans,
        ...(fragment.ungrouped === undefined ? {} : { ungrouped: fragment.ungrouped }),
        ...(inlineRows === 0 ? {} : { inlineRows }),
        columns: fragment.columns,
        deadlineMs: query.deadlineMs,
        trace: query.trace,
      },
    }));
  });
}

function maxInlineRows(plan: DistributedPlan, fragment: PlannedFragment): number {
  const { columns, relationColumns, targets } = fragment;
  if (inlineTypes(columns) === undefined) return 0;
  if (plan.final.kind === "pass-through") {
    const asTheyAre = relationColumns.every(({ source }, i) => source === i);
    return asTheyAre && relationColumns.length === columns.length ? chunkRows : 0;
  }
  return Math.max(4, Math.floor(parameterValues / (columns.length * targets.length)));
}
