import { describePod, type Member } from "./member.ts";
import type { ExecutorAction, ExecutorInput, ObservedPod } from "./types.ts";

/** Whether the operator's own pause holds, and what begins or ends it. */
export type PauseDecision =
  | { readonly kind: "none" }
  | { readonly kind: "paused"; readonly message: string; readonly actions: readonly ExecutorAction[] }
  | { readonly kind: "ending"; readonly actions: readonly ExecutorAction[] };

/**
 * Crash-loop protection. A pause is kept in `status.pause`; the next generation, another value of `spice.ai/resume` or
 * a threshold of 0 ends it. Then the pods that brought it about are replaced, so that their restarts are counted anew,
 * and the pause is taken back after the last of them: so an operator that dies in between begins where it was.
 */
export function decidePause(input: ExecutorInput, members: readonly Member[]): PauseDecision {
  const { pause, generation, resume, crashLoopThreshold } = input;
  const looping = loopingPods(input, members);
  if (pause === undefined) {
    const [first] = looping;
    if (first === undefined || crashLoopThreshold === 0) return { kind: "none" };
    const message = `${describePod(first.pod)} failed ${first.pod.restarts} times, more than ${crashLoopThreshold}; change the spec or set the annotation spice.ai/resume to another value`;
    const begun = {
      reason: "CrashLooping",
      generation,
      ...(resume === undefined ? {} : { resume }),
    } as const;
    return { kind: "paused", message, actions: [{ kind: "pause", pause: begun, message }] };
  }
  const holds = pause.generation === generation && pause.resume === resume && crashLoopThreshold > 0;
  if (holds) {
    const [first] = looping;
    const what = first === undefined ? "pods failed again and again" : describePod(first.pod);
    const message = `${what}; change the spec or set the annotation spice.ai/resume to another value`;
    return { kind: "paused", message, actions: [] };
  }
  if (looping.length === 0) {
    return { kind: "ending", actions: [{ kind: "resume", message: "the pause for crash loops is over" }] };
  }
  const actions = looping.map(
    ({ index, pod }): ExecutorAction => ({
      kind: "delete-pod",
      index,
      pod: pod.name,
      uid: pod.uid,
      reason: "CrashLooping",
      message: `${pod.name} is replaced, since the pause for its crash loop is over`,
    }),
  );
  return { kind: "ending", actions };
}

interface LoopingPod {
  readonly index: number | undefined;
  readonly pod: ObservedPod;
}

/** Executors whose pod is not of the wanted template do not count: their turn comes. */
function loopingPods(input: ExecutorInput, members: readonly Member[]): readonly LoopingPod[] {
  const executors = members.flatMap(({ index, pod, updated }) =>
    pod !== undefined && updated ? [{ index, pod }] : [],
  );
  const schedulers = input.schedulers.map((pod) => ({ index: undefined, pod }));
  return [...executors, ...schedulers].filter(
    ({ pod }) =>
      !pod.ready &&
      !pod.deleting &&
      pod.waitingReason === "CrashLoopBackOff" &&
      pod.restarts > input.crashLoopThreshold,
  );
}
