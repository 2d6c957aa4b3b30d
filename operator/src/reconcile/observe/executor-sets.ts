import { digest } from "@spice-shards/kube";
import { annotation } from "../../api/names.ts";
import type { StatefulSetShape } from "../../lifecycle/types.ts";
import type { KubernetesObject, RenderContext } from "../../render/context.ts";
import { renderExecutorStatefulSet } from "../../render/executor-stateful-set.ts";
import type { JsonObject } from "../../schema/schema.ts";

type Spec = { readonly template: JsonObject } & JsonObject;

/** The digest of the pod template that an executor shall have. */
export function templateHashOf(context: RenderContext, index: number): string {
  return digest((renderExecutorStatefulSet(context, index)["spec"] as Spec).template);
}

/**
 * An executor's StatefulSet in the shape that its life wants. Pods carry the digest of their template, and the
 * StatefulSet that of all that no shape changes, so that what is no longer wanted is seen as well.
 */
export function executorStatefulSet(
  context: RenderContext,
  index: number,
  shape: StatefulSetShape,
  liveTemplate: JsonObject | undefined,
): KubernetesObject {
  const { template, ...rest } = shape;
  const rendered = renderExecutorStatefulSet(context, index, rest);
  const marked =
    template === "live" && liveTemplate !== undefined
      ? liveTemplate
      : withHash((rendered["spec"] as Spec).template);
  const object = withTemplate(rendered, marked);
  const { annotations = {} } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...annotations, [annotation.shapeHash]: shapeHashOf(context, index) },
    },
  };
}

/** An object with another pod template. */
export function withTemplate(object: KubernetesObject, template: JsonObject): KubernetesObject {
  return { ...object, spec: { ...(object["spec"] as Spec), template } };
}

function shapeHashOf(context: RenderContext, index: number): string {
  const { metadata, spec } = renderExecutorStatefulSet(context, index, {});
  const {
    template: _template,
    replicas: _replicas,
    persistentVolumeClaimRetentionPolicy: _fate,
    // Cannot change, and the server fills them in.
    volumeClaimTemplates: _claims,
    ...rest
  } = spec as Spec;
  return digest({ metadata, spec: rest });
}

function withHash(template: JsonObject): JsonObject {
  const metadata = (template["metadata"] ?? {}) as JsonObject;
  const annotations = (metadata["annotations"] ?? {}) as JsonObject;
  return {
    ...template,
    metadata: { ...metadata, annotations: { ...annotations, [annotation.templateHash]: digest(template) } },
  };
}
