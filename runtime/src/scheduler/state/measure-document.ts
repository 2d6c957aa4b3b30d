import type { AppTable } from "../../core/app/app.ts";
import type { Metrics } from "../../observe/metrics.ts";
import type { Snapshot } from "./state-objects.ts";

/** Record what a newer document says of the cluster and of the spicepod's tables. */
export function measureDocument(
  { document, rootBytes }: Snapshot,
  tables: readonly AppTable[],
  metrics: Metrics,
): void {
  metrics.gauge("cluster_state_bytes").set(rootBytes);
  metrics.gauge("scheduler_count").set(Object.keys(document.schedulers).length);
  for (const table of tables) {
    const set = document.accelerations[table.fullName]?.partitions;
    const unassigned = set?.unassignedCount() ?? 0;
    const gauge = metrics.gauge("scheduler_partitions_count");
    gauge.set({ dataset: table.name, status: "assigned" }, (set?.count ?? 0) - unassigned);
    gauge.set({ dataset: table.name, status: "unassigned" }, unassigned);
    const moving = [...(set?.columns.extras.values() ?? [])].filter((e) => (e.learners?.length ?? 0) > 0);
    gauge.set({ dataset: table.name, status: "moving" }, moving.length);
  }
}
