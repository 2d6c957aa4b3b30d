import { label } from "../../api/names.ts";
import { type ClaimState, troublesOf } from "../../status/troubles.ts";
import type { ClaimObject, DeploymentObject, PodObject } from "../objects.ts";
import { observePod } from "./observe-pod.ts";

/** Why schedulers are not ready: their pods, and what keeps their Deployment from making any. */
export function schedulerTroubles(
  pods: readonly PodObject[],
  deployment: DeploymentObject | undefined,
): readonly string[] {
  const refused = (deployment?.status?.conditions ?? []).filter(
    ({ type, status, message }) => type === "ReplicaFailure" && status === "True" && message !== undefined,
  );
  return [...refused.map(({ message = "" }) => message), ...troublesOf(ofRole(pods, "scheduler"))];
}

/** Why executors are not ready: their pods, and claims that wait for a volume. */
export function executorTroubles(
  pods: readonly PodObject[],
  claims: readonly ClaimObject[],
): readonly string[] {
  return troublesOf(ofRole(pods, "executor"), claims.map(claimState));
}

function ofRole(pods: readonly PodObject[], role: string) {
  return pods.filter(({ metadata }) => metadata.labels?.[label.role] === role).map(observePod);
}

function claimState({ metadata, spec, status }: ClaimObject): ClaimState {
  const { name = "" } = metadata;
  return { name, storageClass: spec.storageClassName, bound: status?.phase === "Bound" };
}
