import { drainedOf } from "./drained.ts";
import type { Member } from "./member.ts";
import { liveShape } from "./shape.ts";
import { lookAgainMs, type Step, step } from "./step.ts";
import type { ExecutorAction, ObservedPod } from "./types.ts";

type Pod = { readonly pod: ObservedPod };

/** The next step of a ready executor's turn: template, drain where another can take its partitions, pod. */
export function takeTurn(member: Member & Pod, drains: boolean): Step {
  const { index, statefulSet: set, view, wantedHash, pod } = member;
  const marked = !drains || set.drainedFor === "update";
  if (set.templateHash !== wantedHash || !marked) {
    const live = liveShape(set);
    const shape = {
      ...(drains ? { ...live, drainedFor: "update" as const } : live),
      template: "wanted" as const,
    };
    return step({ actions: [{ kind: "apply-template", index, shape }] });
  }
  if (!set.observed) return step({ requeueMs: lookAgainMs });
  if (drains) {
    const drained = drainedOf(view);
    switch (drained.kind) {
      case "not-draining":
        return step({ actions: [drainOf(index, view?.id ?? "")], requeueMs: lookAgainMs });
      case "draining":
        return step({ requeueMs: lookAgainMs });
      case "blocked": {
        const message = `the rollout waits: ${pod.name} cannot be drained: ${drained.reason}`;
        return step({ problems: [{ reason: "DrainBlocked", message }], requeueMs: lookAgainMs });
      }
      case "empty":
        break;
      default:
        return drained satisfies never;
    }
  }
  return step({ actions: [deletePod(member, `${pod.name} is replaced: its template changed`)] });
}

/** The next step of replacing a pod that is not ready: nothing is lost, so nothing is drained. */
export function replacePod(member: Member & Pod): Step {
  const { index, statefulSet: set, wantedHash, pod } = member;
  if (set.templateHash !== wantedHash) {
    // A mark stays, for the pod may become ready before it is deleted, and is still drained then.
    const shape = { ...liveShape(set), template: "wanted" } as const;
    return step({ actions: [{ kind: "apply-template", index, shape }] });
  }
  if (!set.observed) return step({ requeueMs: lookAgainMs });
  return step({
    actions: [deletePod(member, `${pod.name} is replaced: it is not ready and its template changed`)],
  });
}

function drainOf(index: number, executor: string): ExecutorAction {
  return { kind: "drain", index, executor };
}

function deletePod({ index, pod }: Member & Pod, message: string): ExecutorAction {
  return { kind: "delete-pod", index, pod: pod.name, uid: pod.uid, reason: "RollingOut", message };
}
