import { names } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf, selectorOf } from "./metadata.ts";
import { renderPodTemplate } from "./pod-template.ts";

/** Deployment `{name}-scheduler`: stateless, each pod known by its address, replaced with surge. */
export function renderSchedulerDeployment(context: RenderContext): KubernetesObject {
  const { name } = context.cluster.metadata;
  const { schedulerSpec } = context.cluster.spec;
  const { replicas, updateStrategy, labels, annotations } = schedulerSpec;
  const parallel = updateStrategy.type === "RollingParallel";
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadataOf(
      context,
      names.workload(name, "scheduler"),
      labelsOf(name, "scheduler", labels),
      annotations,
    ),
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: selectorOf(name, "scheduler") },
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: {
          maxSurge: parallel ? updateStrategy.maxUnavailable : 1,
          // One scheduler always serves, whatever maxUnavailable says.
          maxUnavailable: parallel ? Math.min(updateStrategy.maxUnavailable, replicas - 1) : 0,
        },
      },
      template: renderPodTemplate(context, {
        role: "scheduler",
        env: [
          { name: "NODE_ADVERTISE_ADDRESS", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          // Hosts learn only after the pod does that its Service has it no longer.
          { name: "SPICED_SHUTDOWN_LINGER", value: "5" },
        ],
        tlsSecret: names.schedulerSecret(name),
        volumes: [{ name: "data", emptyDir: {} }],
      }),
    },
  };
}
