import { drainedOf } from "./drained.ts";
import { viewOf } from "./member.ts";
import { leavingRetention, liveShape, sameRetention } from "./shape.ts";
import { join, lookAgainMs, type Note, nothing, type Step, step, unreachable } from "./step.ts";
import type { ExecutorAction, ExecutorInput, ObservedExecutor } from "./types.ts";

/**
 * Takes executors beyond `replicas` away:
 *
 * ```
 * runs ──mark──▶ marked ──drain──▶ owns nothing ──set-retention──▶ ──scale──▶ no pod ──▶ no claims ──delete──▶ gone
 * ```
 *
 * Each state is seen in the StatefulSet and in what schedulers say. One that is blocked, or schedulers that cannot be
 * asked, stop all of it: nothing is scaled or deleted meanwhile.
 */
export function scaleDown(input: ExecutorInput): Step {
  const leaving = [...input.executors]
    .filter(([index]) => index >= input.wanted.replicas)
    .sort(([a], [b]) => b - a);
  if (leaving.length === 0) return nothing;
  const which = `executors leave: ${leaving.map(([index]) => index).join(", ")}`;
  if (input.cluster.kind === "unreachable") return unreachable(input.cluster.reason, which);
  const blocked = leaving.flatMap(([index]): readonly Note[] => {
    const drained = drainedOf(viewOf(input, index));
    return drained.kind === "blocked"
      ? [{ reason: "DrainBlocked", message: `executor ${index} cannot be drained: ${drained.reason}` }]
      : [];
  });
  const steps = leaving.map(([index, executor]) => leave(input, index, executor, blocked.length > 0));
  return join([
    step({
      problems: blocked,
      ...(blocked.length > 0
        ? { requeueMs: lookAgainMs }
        : { progress: [{ reason: "ScalingDown", message: which }] }),
    }),
    ...steps,
  ]);
}

function leave(input: ExecutorInput, index: number, executor: ObservedExecutor, hold: boolean): Step {
  const { statefulSet: set, pod, claims } = executor;
  if (set.deleting) return nothing;
  const view = viewOf(input, index);
  const gone = set.replicas === 0 && pod === undefined && view?.owned === 0 && view.moving === 0;
  const drained = gone ? ({ kind: "empty" } as const) : drainedOf(view);
  const shape = { ...liveShape(set), drainedFor: "removal" } as const;
  if (set.drainedFor !== "removal" || drained.kind === "not-draining") {
    const mark: readonly ExecutorAction[] =
      set.drainedFor === "removal" ? [] : [{ kind: "mark", index, shape }];
    const drain: readonly ExecutorAction[] =
      view === undefined || view.drain !== undefined ? [] : [{ kind: "drain", index, executor: view.id }];
    return step({ actions: [...mark, ...drain], requeueMs: lookAgainMs });
  }
  if (drained.kind !== "empty" || hold) return step({ requeueMs: lookAgainMs });
  if (view === undefined && set.replicas > 0 && pod?.ready === true) {
    // It may own partitions under an address that is not known to be its own.
    const message = `${pod.name} is ready, but no scheduler lists it: it is not taken away before one does`;
    return step({ problems: [{ reason: "DrainBlocked", message }], requeueMs: lookAgainMs });
  }
  const retention = leavingRetention(input.wanted);
  if (!sameRetention(set.retention, retention)) {
    return step({ actions: [{ kind: "set-retention", index, shape: { ...shape, retention } }] });
  }
  // The controller of StatefulSets must have seen what becomes of the claims.
  if (!set.observed) return nothing;
  if (set.replicas > 0)
    return step({ actions: [{ kind: "scale", index, shape: { ...shape, replicas: 0 } }] });
  if (pod !== undefined) return nothing;
  if (retention.whenScaled === "Delete" && claims.length > 0) {
    return step({
      actions: claims
        .filter((claim) => !claim.deleting)
        .map((claim) => ({ kind: "delete-claim", index, claim: claim.name, uid: claim.uid })),
    });
  }
  return step({ actions: [{ kind: "delete-stateful-set", index, uid: set.uid }] });
}
