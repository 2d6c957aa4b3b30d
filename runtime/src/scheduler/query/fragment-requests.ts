import { inlineTypes } from "../../adapters/exchange/frames/inline-type.ts";
import { batchTypes } from "../../adapters/exchange/frames/record-batches.ts";
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
 * @param query `inline` says whether few rows may come as inline frames, `recordBatches` whether rows that are the
 *   answer as they are may come as record batches.
 */
export function fragmentCalls(
  plan: DistributedPlan,
  query: {
    readonly id: string;
    readonly deadlineMs: number;
    readonly trace: string;
    readonly inline: boolean;
    readonly recordBatches: boolean;
  },
): readonly FragmentCall[] {
  // The rows of those that reduce others are read from files, by name.
  const sources = new Set(plan.fragments.flatMap(({ reducedBy = [] }) => reducedBy.map((r) => r.fragment)));
  return plan.fragments.flatMap((fragment) => {
    const inlineRows = query.inline && !sources.has(fragment.id) ? maxInlineRows(plan, fragment) : 0;
    const recordBatches = query.recordBatches && answersAsBatches(plan, fragment);
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
        ...(recordBatches ? { recordBatches } : {}),
        columns: fragment.columns,
        deadlineMs: query.deadlineMs,
        trace: query.trace,
      },
    }));
  });
}

function maxInlineRows(plan: DistributedPlan, fragment: PlannedFragment): number {
  const { columns, targets } = fragment;
  if (inlineTypes(columns) === undefined) return 0;
  if (plan.final.kind === "pass-through") return asTheyAre(fragment) ? chunkRows : 0;
  return Math.max(4, Math.floor(parameterValues / (columns.length * targets.length)));
}

function answersAsBatches(plan: DistributedPlan, fragment: PlannedFragment): boolean {
  return (
    plan.final.kind === "pass-through" && asTheyAre(fragment) && batchTypes(fragment.columns) !== undefined
  );
}

/** True when the rows of a fragment are those of the answer, column by column. */
function asTheyAre({ columns, relationColumns }: PlannedFragment): boolean {
  return (
    relationColumns.length === columns.length &&
    relationColumns.every(({ source, type }, i) => source === i && type === columns[i]?.type)
  );
}
