import type { Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";
import { renderServiceAccount } from "./service-account.ts";

/** The Role of a created service account. It allows nothing: nodes do not talk to the API server. */
export function renderRole(context: RenderContext, role: Role): readonly KubernetesObject[] {
  return renderServiceAccount(context, role).map(({ metadata }) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: metadataOf(context, metadata.name, labelsOf(context.cluster.metadata.name, role)),
    rules: [],
  }));
}
