import type { Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";
import { renderServiceAccount } from "./service-account.ts";

/** Binds a created service account to its Role. */
export function renderRoleBinding(context: RenderContext, role: Role): readonly KubernetesObject[] {
  return renderServiceAccount(context, role).map(({ metadata: { name, namespace } }) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: metadataOf(context, name, labelsOf(context.cluster.metadata.name, role)),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  }));
}
