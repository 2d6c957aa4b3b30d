import { describePod } from "../lifecycle/member.ts";
import type { ObservedPod } from "../lifecycle/types.ts";

/** A volume claim, as far as it can keep a pod from its host. */
export interface ClaimState {
  readonly name: string;
  readonly storageClass: string | undefined;
  /** It has its volume. */
  readonly bound: boolean;
}

/**
 * Why pods do not become ready, in words for a condition: one entry a pod, and one for each claim without a volume that
 * may keep them from a host. Pods that are merely starting say nothing. Pure; the order is that of names, so that equal
 * facts give equal words.
 */
export function troublesOf(
  pods: readonly ObservedPod[],
  claims: readonly ClaimState[] = [],
): readonly string[] {
  const stuck = pods.filter(
    (pod) => !pod.ready && !pod.deleting && (pod.waitingReason ?? pod.lastError) !== undefined,
  );
  const unplaced = stuck.some(({ waitingReason }) => waitingReason === "Unschedulable");
  const unbound = unplaced ? claims.filter(({ bound }) => !bound) : [];
  return [
    ...stuck.filter(({ waitingReason = "" }) => !onTheWay.has(waitingReason)).map(describePod),
    ...unbound.map(({ name, storageClass }) => {
      const whose = storageClass === undefined ? "" : ` of the class ${storageClass}`;
      return `claim ${name} has no volume${whose} yet`;
    }),
  ].sort();
}

/** Of every pod for a moment. */
const onTheWay: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing"]);
