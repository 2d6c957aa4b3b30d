import { liveShape, sameRetention, stayingRetention } from "./shape.ts";
import { join, type Step, step } from "./step.ts";
import type { ExecutorInput } from "./types.ts";

/**
 * `replicas: 0`: every executor stops without a drain and keeps StatefulSet, claims and what it owns. The claims of
 * one that was about to be taken away are made safe before it is scaled. Marks of drains stay, so that a pod which
 * outlives a short stop is undrained.
 */
export function stopExecutors({ wanted, executors }: ExecutorInput): Step {
  const retention = stayingRetention(wanted);
  return join(
    [...executors].map(([index, { statefulSet, pod }]) => {
      const shape = { ...liveShape(statefulSet), retention };
      if (statefulSet.deleting) return step({});
      if (!sameRetention(statefulSet.retention, retention)) {
        return step({ actions: [{ kind: "set-retention", index, shape }] });
      }
      if (statefulSet.replicas > 0) {
        return step({ actions: [{ kind: "scale", index, shape: { ...shape, replicas: 0 } }] });
      }
      if (pod === undefined) return step({});
      return step({ progress: [{ reason: "NoExecutors", message: `${pod.name} is stopping` }] });
    }),
  );
}
