import type { CheckContext } from "./context.ts";

/** Where snapshots go, and which triggers go with which refresh modes (spec chapter 06). */
export function checkSnapshots(context: CheckContext): void {
  const { snapshots } = context.spicepod;
  const opted = context.accelerated.filter(({ acceleration }) => acceleration.snapshots !== "disabled");
  const besideState = context.options.mode === "cluster";
  if (opted.length > 0 && snapshots?.enabled !== false && snapshots?.location === undefined && !besideState) {
    context.fail("snapshots.location", "is missing: a dataset opts into snapshots, so they need a place.");
  }
  for (const { path, acceleration } of opted) {
    const field = `${path}.acceleration.snapshots_trigger`;
    const { kind } = acceleration.snapshotsTrigger;
    if (kind === "stream_batches" && acceleration.refreshMode !== "changes") {
      context.fail(field, "`stream_batches` needs `refresh_mode: changes` or a streaming source.");
    }
    if (kind === "refresh_complete" && acceleration.refreshMode === "changes") {
      const message =
        "with `refresh_mode: changes` only the initial copy completes a refresh; `time_interval` or `stream_batches` keep snapshots fresh.";
      context.warn(field, message);
    }
  }
}
