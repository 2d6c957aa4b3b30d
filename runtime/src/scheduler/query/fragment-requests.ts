import type { DistributedPlan, PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRequest } from "../../ports/exchange.ts";

/** One fragment for one executor. */
export interface FragmentCall {
  readonly fragment: PlannedFragment;
  readonly executor: string;
  readonly request: FragmentRequest;
}

/** The envelopes of all fragments of a plan. */
export function fragmentCalls(
  plan: DistributedPlan,
  query: { readonly id: string; readonly deadlineMs: number; readonly trace: string },
): readonly FragmentCall[] {
  return plan.fragments.flatMap((fragment) =>
    fragment.targets.map(({ executor, scans }) => ({
      fragment,
      executor,
      request: {
        protocol: 1 as const,
        queryId: query.id,
        fragmentId: `${fragment.id}@${executor}`,
        sql: fragment.sql,
        scans,
        ...(fragment.ungrouped === undefined ? {} : { ungrouped: fragment.ungrouped }),
        columns: fragment.columns,
        deadlineMs: query.deadlineMs,
        trace: query.trace,
      },
    })),
  );
}
