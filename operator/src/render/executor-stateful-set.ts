import { annotation, names } from "../api/names.ts";
import type { VolumeClaimTemplate } from "../api/volume-claims.ts";
import { isObject } from "../schema/apply-defaults.ts";
import type { JsonObject } from "../schema/schema.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";
import { renderPodTemplate } from "./pod-template.ts";

/** What the life of an executor decides on, where it is not that of one that simply runs. */
export interface ExecutorShape {
  readonly replicas?: 0 | 1;
  readonly retention?: Readonly<Record<"whenScaled" | "whenDeleted", "Delete" | "Retain">>;
  /** Why the operator drains it. */
  readonly drainedFor?: "removal" | "update";
}

/**
 * StatefulSet `{name}-executor-{index}`, for one executor. Its pod is deleted by the operator when its turn has come.
 * Claim templates cannot change, so those of the live object are used; a claim that grew is expanded beside them.
 */
export function renderExecutorStatefulSet(
  context: RenderContext,
  index: number,
  shape: ExecutorShape = {},
): KubernetesObject {
  const { name, namespace } = context.cluster.metadata;
  const { executorSpec } = context.cluster.spec;
  const claims = claimTemplates(context, index);
  const service = names.workload(name, "executor");
  const { whenDeleted = "Retain" } = executorSpec.persistentVolumeClaimRetentionPolicy ?? {};
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(
      context,
      names.executor(name, index),
      labelsOf(name, "executor", executorSpec.labels, index),
      {
        ...executorSpec.annotations,
        ...(shape.drainedFor === undefined ? {} : { [annotation.drainedFor]: shape.drainedFor }),
      },
    ),
    spec: {
      serviceName: service,
      replicas: shape.replicas ?? (executorSpec.replicas === 0 ? 0 : 1),
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorOf(name, "executor", index) },
      updateStrategy: { type: "OnDelete" },
      // Scaling to 0 also means a pause, so the claims go only with an executor that leaves.
      persistentVolumeClaimRetentionPolicy: shape.retention ?? { whenScaled: "Retain", whenDeleted },
      template: renderPodTemplate(context, {
        role: "executor",
        executor: index,
        env: [
          { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          {
            name: "NODE_ADVERTISE_ADDRESS",
            value: `$(POD_NAME).${service}.${namespace}.svc.${context.clusterDomain}`,
          },
          // An eviction comes unasked: what the executor owns moves on before it ends.
          { name: "SPICED_SHUTDOWN_DRAIN", value: "true" },
        ],
        tlsSecret: names.executorSecret(name, index),
        volumes: claims.some((claim) => nameOf(claim) === "data") ? [] : [{ name: "data", emptyDir: {} }],
      }),
      ...(claims.length === 0 ? {} : { volumeClaimTemplates: claims }),
    },
  };
}

function claimTemplates({ cluster, observed }: RenderContext, index: number): readonly JsonObject[] {
  const live = observed.executors.get(index)?.volumeClaimTemplates;
  if (live !== undefined) return live.map(({ status: _, ...template }) => template);
  return (cluster.spec.executorSpec.volumeClaimTemplates ?? []).map(renderClaim);
}

function renderClaim({ metadata, spec }: VolumeClaimTemplate): JsonObject {
  const { name, labels, annotations } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      accessModes: spec.accessModes ?? ["ReadWriteOnce"],
      volumeMode: "Filesystem",
      ...(spec.storageClassName === undefined ? {} : { storageClassName: spec.storageClassName }),
      resources: { requests: { storage: spec.resources.requests.storage } },
    },
  };
}

function nameOf(claim: JsonObject): unknown {
  return isObject(claim["metadata"]) ? claim["metadata"]["name"] : undefined;
}
