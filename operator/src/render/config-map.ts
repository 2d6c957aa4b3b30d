import { annotation, names } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";
import { canonicalSpicepod, digestOf, spicepodOf } from "./spicepod.ts";

/** ConfigMap `{name}-spicepod`: what the schedulers serve. */
export function renderConfigMap(context: RenderContext): KubernetesObject {
  const { name } = context.cluster.metadata;
  const spicepod = spicepodOf(context);
  const generation = context.observed.spicepodGeneration;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadataOf(context, names.configMap(name), labelsOf(name, "scheduler"), {
      [annotation.spicepodDigest]: digestOf(spicepod),
      [annotation.spicepodGeneration]: String(generation),
    }),
    data: { "spicepod.yaml": canonicalSpicepod(spicepod, generation) },
  };
}
