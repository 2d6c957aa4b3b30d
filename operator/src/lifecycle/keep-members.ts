import type { Member } from "./member.ts";
import { liveShape, sameRetention, stayingRetention, unmarked } from "./shape.ts";
import { join, lookAgainMs, nothing, type Step, step, unreachable } from "./step.ts";
import type { ExecutorAction, ExecutorInput } from "./types.ts";

/** Creates what is missing and brings back what strayed; takes nothing away. */
export function keepMembers(input: ExecutorInput, members: readonly Member[]): Step {
  const nobodyRuns = members.every(({ pod }) => pod === undefined);
  return join([createMissing(input), ...members.map((member) => keepMember(input, member, nobodyRuns))]);
}

function createMissing({ wanted, executors }: ExecutorInput): Step {
  const shape = { replicas: 1, retention: stayingRetention(wanted), template: "wanted" } as const;
  const missing = Array.from({ length: wanted.replicas }, (_, i) => i).filter((i) => !executors.has(i));
  if (missing.length === 0) return nothing;
  return step({
    actions: missing.map((index) => ({ kind: "create", index, shape })),
    progress: [{ reason: "ScalingUp", message: `executors are created: ${missing.join(", ")}` }],
  });
}

function keepMember(input: ExecutorInput, member: Member, nobodyRuns: boolean): Step {
  const { index, statefulSet: set, pod } = member;
  if (set.deleting) {
    return step({
      progress: [{ reason: "ScalingUp", message: `executor ${index} is deleted before it comes anew` }],
    });
  }
  const safe = { ...liveShape(set), retention: stayingRetention(input.wanted) };
  const retained = sameRetention(set.retention, safe.retention);
  const retain: readonly ExecutorAction[] = retained ? [] : [{ kind: "set-retention", index, shape: safe }];
  if (set.replicas === 0) {
    // What ran before a stop is a pod of a revision that nobody serves with, so there is nothing to protect.
    const template = nobodyRuns ? "wanted" : "live";
    // The mark stays: the old pod may go on as if nothing had happened, and is still drained then.
    const shape = { ...safe, replicas: 1, template } as const;
    return step({
      actions: [...retain, { kind: "scale", index, shape }],
      progress: [{ reason: "ScalingUp", message: `executor ${index} is started` }],
    });
  }
  if (releases(input, member)) {
    const release = releaseDrain(input, member);
    return join([step({ actions: retain }), release]);
  }
  if (!retained) return step({ actions: retain });
  // No pod of the live template runs, so the wanted one can be written without a turn.
  const followsPod = pod !== undefined && member.updated && set.templateHash !== member.wantedHash;
  if (followsPod || (set.drifted && set.templateHash === member.wantedHash)) {
    const kind = followsPod ? "apply-template" : "repair";
    return step({ actions: [{ kind, index, shape: { ...safe, template: "wanted" } }] });
  }
  return set.drifted ? step({ actions: [{ kind: "repair", index, shape: safe }] }) : nothing;
}

/**
 * Whether a drain of ours has no purpose any more: the removal was called off, the pod is what it shall be, or
 * executors leave, for which this one must be able to take partitions; its turn comes again.
 */
function releases(
  { executors, wanted }: ExecutorInput,
  { statefulSet: { drainedFor }, updated, up }: Member,
): boolean {
  const othersLeave = [...executors.keys()].some((index) => index >= wanted.replicas);
  return drainedFor === "removal" || (drainedFor === "update" && up && (updated || othersLeave));
}

/** Undrain, and only then forget that the drain was ours. */
function releaseDrain(input: ExecutorInput, member: Member): Step {
  const { index, statefulSet: set, view, updated, pod } = member;
  const what = `executor ${index} should take partitions again`;
  if (input.cluster.kind === "unreachable") return unreachable(input.cluster.reason, what);
  const template = pod !== undefined && updated ? "wanted" : "live";
  const shape = { ...unmarked(liveShape(set)), retention: stayingRetention(input.wanted), template } as const;
  const undrain: readonly ExecutorAction[] =
    view?.drain === undefined ? [] : [{ kind: "undrain", index, executor: view.id }];
  return step({
    actions: [...undrain, { kind: "mark", index, shape }],
    progress: [{ reason: "Rebalancing", message: what }],
    requeueMs: lookAgainMs,
  });
}
