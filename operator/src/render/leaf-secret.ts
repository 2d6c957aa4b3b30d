import { annotation, type Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";

/** What a node mounts: PEM texts. `bundle` changes without the leaf when roots come and go. */
export interface LeafContent {
  readonly certificate: string;
  readonly key: string;
  readonly bundle: string;
  /** The forced renewal that this leaf answers. */
  readonly answeredRequest?: string;
}

/** Secrets `{name}-scheduler-tls`, `{name}-executor-{i}-tls` and `{name}-operator-tls`. */
export function renderLeafSecret(
  context: RenderContext,
  secret: { readonly name: string; readonly role?: Role; readonly executor?: number },
  content: LeafContent,
): KubernetesObject {
  const { name } = context.cluster.metadata;
  const labels = labelsOf(name, secret.role, {}, secret.executor);
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: metadataOf(
      context,
      secret.name,
      labels,
      content.answeredRequest === undefined ? {} : { [annotation.answeredRequest]: content.answeredRequest },
    ),
    data: {
      "tls.crt": base64(content.certificate),
      "tls.key": base64(content.key),
      "ca.crt": base64(content.bundle),
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
