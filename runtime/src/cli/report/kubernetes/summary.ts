import { textTable } from "../../../core/text/text-table.ts";
import type { ClusterObject, Pod } from "./kinds.ts";

/** The first page for whoever opens a bundle: conditions, pods, what is missing. */
export function summaryOf(options: {
  readonly cluster: string;
  readonly namespace: string;
  readonly resource: ClusterObject | undefined;
  readonly pods: readonly Pod[];
  readonly missing: readonly { readonly what: string; readonly reason: string }[];
}): string {
  const { cluster, namespace, resource, pods, missing } = options;
  const conditions = (resource?.status?.conditions ?? []).map((condition) => [
    condition.type,
    condition.status,
    condition.reason ?? "",
    condition.message ?? "",
  ]);
  const rows = pods.map((pod) => {
    const statuses = pod.status?.containerStatuses ?? [];
    const waiting = statuses.flatMap(({ state = {} }) =>
      Object.entries(state).map(([name, { reason, message }]) =>
        [name, reason, message].filter((part) => part !== undefined).join(": "),
      ),
    );
    return [
      pod.metadata.name ?? "",
      pod.status?.phase ?? "",
      `${statuses.filter(({ ready }) => ready === true).length}/${pod.spec?.containers?.length ?? 0}`,
      String(statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0)),
      pod.spec?.nodeName ?? "",
      waiting.join("; "),
    ];
  });
  return [
    `Cluster ${cluster} in the namespace ${namespace}\n`,
    conditions.length === 0
      ? "No conditions.\n"
      : textTable(["condition", "status", "reason", "message"], conditions),
    rows.length === 0
      ? "No pods.\n"
      : textTable(["pod", "phase", "ready", "restarts", "node", "state"], rows, [false, false, true, true]),
    missing.length === 0 ? "Everything was collected.\n" : "Not collected:\n",
    ...missing.map(({ what, reason }) => `  ${what}: ${reason}\n`),
  ].join("\n");
}
