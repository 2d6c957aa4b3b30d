import type { Reason } from "../api/conditions.ts";
import { decidePause } from "./crash-loops.ts";
import { keepMembers } from "./keep-members.ts";
import { type Member, membersOf } from "./member.ts";
import { rollOut } from "./rollout.ts";
import { scaleDown } from "./scale-down.ts";
import { join, nothing, type Step } from "./step.ts";
import { stopExecutors } from "./stop-executors.ts";
import type { ExecutorInput, ExecutorPlan, PlannedCondition } from "./types.ts";
import { growVolumes } from "./volumes.ts";

/**
 * What to do next for a cluster's executors (spec chapter 09, Life of a cluster). Pure and without memory: everything
 * follows from what is seen, so it is asked again after each pass, and an operator that died in between loses
 * nothing. A plan with an action that `needsFreshView` must have been made from objects that were read from the API
 * server, not from caches.
 */
export function planExecutors(input: ExecutorInput): ExecutorPlan {
  const { wanted } = input;
  if (wanted.paused) return paused("PausedByUser", "spec.paused is true: nothing is changed");
  const members = membersOf(input);
  const pause = decidePause(input, members);
  switch (pause.kind) {
    case "paused":
      return { ...paused("CrashLooping", pause.message), actions: pause.actions };
    case "ending": {
      // What begins again is planned after the pause is gone.
      const now = paused("CrashLooping", "the pause ends");
      return { ...now, actions: pause.actions, requeueMs: 1_000 };
    }
    case "none":
      return wanted.replicas === 0 ? stopped(input) : running(input, members);
    default:
      return pause satisfies never;
  }
}

function running(input: ExecutorInput, members: readonly Member[]): ExecutorPlan {
  const leave = scaleDown(input);
  // Executors that leave hand over what they own first, so that no pod is replaced under what they hand over.
  const settled = leave === nothing && members.every((m) => m.statefulSet.drainedFor !== "removal");
  const all = join([
    keepMembers(input, members),
    growVolumes(input.wanted, members),
    leave,
    rollOut(input, members, settled),
  ]);
  const updated = members.length === input.wanted.replicas && members.every((m) => m.updated && m.up);
  // Schedulers of which none works have nothing to lose, and executors may need them to become ready.
  const schedulersMayRoll = updated || input.schedulers.every((pod) => !pod.ready);
  return { ...planned(all), schedulersMayRoll };
}

function stopped(input: ExecutorInput): ExecutorPlan {
  const all = planned(stopExecutors(input));
  const message = "executorSpec.replicas is 0: executors are stopped, their volumes are kept";
  const conditions = all.conditions.map((c) =>
    c.type === "Paused" ? condition("Paused", "True", "NoExecutors", message) : c,
  );
  return { ...all, conditions, schedulersMayRoll: true };
}

function planned({ actions, progress, problems, requeueMs }: Step): Omit<ExecutorPlan, "schedulersMayRoll"> {
  const sentence = (notes: readonly { readonly message: string }[]) =>
    [...new Set(notes.map(({ message }) => message))].slice(0, 10).join("; ");
  const [doing, wrong] = [progress[0], problems[0]];
  const progressing =
    doing !== undefined
      ? condition("Progressing", "True", doing.reason, sentence(progress))
      : wrong !== undefined
        ? condition("Progressing", "False", wrong.reason, sentence(problems))
        : condition("Progressing", "False", "AsExpected", "nothing is under way");
  const degraded =
    wrong !== undefined
      ? condition("Degraded", "True", wrong.reason, sentence(problems))
      : condition("Degraded", "False", "AsExpected", "nothing stands in the way");
  const running = condition("Paused", "False", "AsExpected", "the cluster is not paused");
  return {
    actions,
    conditions: [progressing, degraded, running],
    ...(requeueMs === undefined ? {} : { requeueMs }),
  };
}

function paused(reason: Reason, message: string): ExecutorPlan {
  return {
    actions: [],
    conditions: [
      condition("Progressing", "False", reason, message),
      condition("Degraded", "False", "AsExpected", "nothing stands in the way"),
      condition("Paused", "True", reason, message),
    ],
    schedulersMayRoll: false,
  };
}

function condition(
  type: PlannedCondition["type"],
  status: PlannedCondition["status"],
  reason: Reason,
  message: string,
): PlannedCondition {
  return { type, status, reason, message };
}
