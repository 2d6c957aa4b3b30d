import { names, type Role } from "../api/names.ts";
import type { NodeSpec } from "../api/node-spec.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";

/** The service account of a role's pods; undefined for the namespace's default. */
export function accountName(cluster: string, role: Role, { serviceAccount }: NodeSpec): string | undefined {
  return serviceAccount.enabled ? (serviceAccount.name ?? names.workload(cluster, role)) : undefined;
}

/** ServiceAccount, when it is asked for and is not somebody else's. */
export function renderServiceAccount(context: RenderContext, role: Role): readonly KubernetesObject[] {
  const { cluster } = context;
  const node: NodeSpec = role === "scheduler" ? cluster.spec.schedulerSpec : cluster.spec.executorSpec;
  const account = accountName(cluster.metadata.name, role, node);
  if (account === undefined || !node.serviceAccount.create) return [];
  return [
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: metadataOf(
        context,
        account,
        labelsOf(cluster.metadata.name, role),
        node.serviceAccount.annotations,
      ),
      automountServiceAccountToken: false,
    },
  ];
}
