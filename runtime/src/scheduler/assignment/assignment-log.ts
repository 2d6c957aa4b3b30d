import type { CycleReport } from "../../core/cluster/cycle.ts";
import type { Logger } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";

/** Say in logs and metrics what a reconcile cycle did. */
export function tellAssignment(report: CycleReport, log: Logger, metrics: Metrics): void {
  for (const count of report.assigned.values()) {
    metrics.counter("scheduler_executor_assignments").inc(count);
  }
  metrics.counter("scheduler_partition_state_operations").inc({ status: "added" }, report.added);
  metrics.counter("scheduler_partition_state_operations").inc({ status: "removed" }, report.removed);
  for (const warning of report.warnings) {
    log.warn({ dataset: warning.table, partitions: warning.partitions }, warning.text);
  }
  if (report.assigned.size > 0)
    log.info({ assigned: Object.fromEntries(report.assigned) }, "Assigned partitions");
}
