import { liveShape, sameRetention, stayingRetention, unmarked } from "./shape.ts";
import { join, type Step, step } from "./step.ts";
import type { ExecutorInput } from "./types.ts";

/**
 * `replicas: 0`: every executor stops without a drain and keeps StatefulSet, claims and what it owns. The claims of
 * one that was about to be taken away are made safe before anything is scaled.
 */
export function stopExecutors({ wanted, executors }: ExecutorInput): Step {
  const retention = stayingRetention(wanted);
  return join(
    [...executors].map(([index, { statefulSet, pod }]) => {
      const shape = unmarked({ ...liveShape(statefulSet), retention });
      if (statefulSet.deleting) return step({});
      if (!sameRetention(statefulSet.retention, retention) || statefulSet.drainedFor !== undefined) {
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
