import { names, type Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";

/** The NetworkPolicy of a role, with the rules as written; none when `network` has no rules. */
export function renderNetworkPolicy(context: RenderContext, role: Role): readonly KubernetesObject[] {
  const { name } = context.cluster.metadata;
  const { schedulerSpec, executorSpec } = context.cluster.spec;
  const { ingress, egress } = (role === "scheduler" ? schedulerSpec : executorSpec).network ?? {};
  if (ingress === undefined && egress === undefined) return [];
  return [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: metadataOf(context, names.workload(name, role), labelsOf(name, role)),
      spec: {
        podSelector: { matchLabels: selectorOf(name, role) },
        policyTypes: [
          ...(ingress === undefined ? [] : ["Ingress"]),
          ...(egress === undefined ? [] : ["Egress"]),
        ],
        ...(ingress === undefined ? {} : { ingress }),
        ...(egress === undefined ? {} : { egress }),
      },
    },
  ];
}
