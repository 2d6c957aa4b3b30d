import { names } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";

/** Secret `{name}-ca`: the root, mounted nowhere. Opaque, since in a recovery it has no `tls.key` for a while. */
export function renderRootSecret(
  context: RenderContext,
  content: {
    readonly data: { readonly [key: string]: string };
    readonly annotations: { readonly [key: string]: string };
  },
): KubernetesObject {
  const { name } = context.cluster.metadata;
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: metadataOf(context, names.rootSecret(name), labelsOf(name), content.annotations),
    data: content.data,
  };
}
