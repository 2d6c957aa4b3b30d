import { names, type Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";

/** PodDisruptionBudgets: at least one scheduler stays, at most one executor goes. */
export function renderDisruptionBudget(context: RenderContext, role: Role): KubernetesObject {
  const { name } = context.cluster.metadata;
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadataOf(context, names.workload(name, role), labelsOf(name, role)),
    spec: {
      ...(role === "scheduler" ? { minAvailable: 1 } : { maxUnavailable: 1 }),
      // A pod that does not work may always be evicted, so that it cannot block the drain of its host.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selectorOf(name, role) },
    },
  };
}
