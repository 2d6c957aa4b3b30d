import { names } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";

/** Service `{name}`: where clients connect; any scheduler answers. */
export function renderClientService(context: RenderContext): KubernetesObject {
  const { name } = context.cluster.metadata;
  const { http, flight, metrics } = context.cluster.spec.schedulerSpec;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(context, names.service(name), labelsOf(name, "scheduler")),
    spec: {
      type: "ClusterIP",
      selector: selectorOf(name, "scheduler"),
      ports: [
        { name: "http", port: http.port, targetPort: "http", protocol: "TCP" },
        { name: "flight", port: flight.port, targetPort: "flight", protocol: "TCP" },
        { name: "metrics", port: metrics.port, targetPort: "metrics", protocol: "TCP" },
      ],
    },
  };
}
