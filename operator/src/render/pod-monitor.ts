import { label } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";

/** PodMonitor `{name}` for the Prometheus operator; none when the API server does not know the kind. */
export function renderPodMonitor(context: RenderContext): readonly KubernetesObject[] {
  const { name } = context.cluster.metadata;
  if (!context.observed.apis.podMonitor) return [];
  return [
    {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PodMonitor",
      metadata: metadataOf(context, name, labelsOf(name)),
      spec: {
        selector: { matchLabels: { [label.cluster]: name } },
        podTargetLabels: [label.cluster, label.role],
        podMetricsEndpoints: [{ port: "metrics", path: "/metrics" }],
      },
    },
  ];
}
