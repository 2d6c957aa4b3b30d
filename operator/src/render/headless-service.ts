import { names, type Role } from "../api/names.ts";
import { portOf } from "../api/node-spec.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";

/** Services `{name}-scheduler` and `{name}-executor`: names of the nodes, also before they are ready. */
export function renderHeadlessService(context: RenderContext, role: Role): KubernetesObject {
  const { name } = context.cluster.metadata;
  const { schedulerSpec, executorSpec } = context.cluster.spec;
  const { cluster } = role === "scheduler" ? schedulerSpec : executorSpec;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(context, names.workload(name, role), labelsOf(name, role)),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: selectorOf(name, role),
      ports: [{ name: "cluster", port: portOf(cluster.bindAddress), targetPort: "cluster", protocol: "TCP" }],
    },
  };
}
