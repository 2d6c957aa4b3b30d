import type { DistributedPlan } from "./distributed-plan.ts";

/** What one fragment did on one executor. */
export interface FragmentRun {
  readonly fragment: string;
  readonly executor: string;
  readonly rows: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly ungrouped: boolean;
}

/** One line of EXPLAIN. */
export interface ExplainLine {
  readonly part: string;
  readonly detail: string;
}

/**
 * The plan for people: strategy and reason of every block, partitions read of every table and why, who is asked for
 * what, and the statement over the results; with `runs`, what the fragments took (EXPLAIN ANALYZE).
 */
export function explainPlan(
  plan: DistributedPlan,
  runs: readonly FragmentRun[] = [],
): readonly ExplainLine[] {
  const lines: ExplainLine[] = [{ part: "strategy", detail: plan.strategy }];
  for (const { strategy, reason } of plan.blocks)
    lines.push({ part: "block", detail: `${strategy}: ${reason}` });
  for (const { table, partitionsRead, partitionsTotal, reason } of plan.tables) {
    lines.push({
      part: `table ${table}`,
      detail: `${partitionsRead} of ${partitionsTotal} partitions read: ${reason}`,
    });
  }
  lines.push({ part: "executors", detail: plan.executors.length === 0 ? "none" : plan.executors.join(", ") });
  for (const fragment of plan.fragments) {
    const targets = fragment.targets.map(({ executor, scans }) => {
      const partitions = scans.reduce((sum, scan) => sum + scan.partitions.length, 0);
      return `${executor} (${partitions} partitions)`;
    });
    lines.push({ part: `fragment ${fragment.id}`, detail: `on ${targets.join(", ")}: ${fragment.sql}` });
    for (const { column, fragment: source } of fragment.reducedBy ?? []) {
      lines.push({
        part: `fragment ${fragment.id}`,
        detail: `only rows whose ${column} fragment ${source} has`,
      });
    }
    for (const run of runs) {
      if (run.fragment !== fragment.id) continue;
      const how = run.ungrouped ? ", without grouping" : "";
      lines.push({
        part: `fragment ${fragment.id} on ${run.executor}`,
        detail: `${run.rows} rows, ${run.bytes} bytes, ${run.durationMs.toFixed(1)} ms${how}`,
      });
    }
  }
  const { final } = plan;
  lines.push({
    part: "final",
    detail: final.kind === "statement" ? final.sql : "rows of the fragment, as they come",
  });
  return lines;
}
