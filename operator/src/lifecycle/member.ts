import type { ClusterExecutor, ExecutorInput, ObservedExecutor, ObservedPod } from "./types.ts";

/** A pod that is not ready for longer than this has failed, whatever it says. */
export const readyDeadlineMs = 600_000;

/** Reasons of waiting that do not go away by waiting a little. */
const fatal: ReadonlySet<string> = new Set([
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "Unschedulable",
]);

/** An executor that is wanted and has a StatefulSet. */
export interface Member extends ObservedExecutor {
  readonly index: number;
  /** The hash of the template that it shall have. */
  readonly wantedHash: string;
  readonly view: ClusterExecutor | undefined;
  /** Its pod, or the one that comes, is made from the wanted template. */
  readonly updated: boolean;
  /** It has a ready pod that stays. */
  readonly up: boolean;
  /** Updated, up, and schedulers say that it holds all that it owns. */
  readonly settled: boolean;
  readonly failing: boolean;
}

/** Wanted executors, the highest index first. */
export function membersOf(input: ExecutorInput): readonly Member[] {
  return [...input.executors]
    .filter(([index]) => index < input.wanted.replicas)
    .sort(([a], [b]) => b - a)
    .map(([index, executor]) => memberOf(input, index, executor));
}

/** What schedulers say of an executor. */
export function viewOf({ cluster }: ExecutorInput, index: number): ClusterExecutor | undefined {
  return cluster.kind === "known" ? cluster.executors.find((e) => e.index === index) : undefined;
}

function memberOf(input: ExecutorInput, index: number, executor: ObservedExecutor): Member {
  const { pod, statefulSet } = executor;
  const wantedHash = input.wanted.templateHashes.get(index) ?? statefulSet.templateHash;
  const view = viewOf(input, index);
  const stays = pod !== undefined && !pod.deleting;
  const updated = (stays ? pod.templateHash : statefulSet.templateHash) === wantedHash;
  const up = stays && pod.ready;
  const loaded = view?.state === "active" && view.loaded >= view.owned;
  const failing = stays && isFailing(pod, input.nowMs);
  return { ...executor, index, wantedHash, view, updated, up, failing, settled: updated && up && loaded };
}

function isFailing(pod: ObservedPod, nowMs: number): boolean {
  if (pod.ready) return false;
  const unreadySinceMs = Math.max(pod.createdMs, pod.readyChangedMs);
  return fatal.has(pod.waitingReason ?? "") || nowMs - unreadySinceMs > readyDeadlineMs;
}

/** When a pod that is not ready will count as failed, in milliseconds from now. */
export function untilFailedMs(pod: ObservedPod, nowMs: number): number {
  return Math.max(1_000, Math.max(pod.createdMs, pod.readyChangedMs) + readyDeadlineMs + 1 - nowMs);
}

/** `sales-executor-2-0 (CrashLoopBackOff: out of memory)`. */
export function describePod(pod: ObservedPod): string {
  const { name, waitingReason, lastError } = pod;
  const why = [waitingReason, lastError].filter((text) => text !== undefined && text !== "").join(": ");
  return why === "" ? name : `${name} (${why})`;
}
