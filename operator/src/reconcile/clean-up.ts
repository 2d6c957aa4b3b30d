import { fieldManager, label, names } from "../api/names.ts";
import { types } from "./cache/resource-types.ts";
import {
  at,
  type ClaimObject,
  type DeploymentObject,
  type PodObject,
  type StatefulSetObject,
} from "./objects.ts";
import type { Pass } from "./pass.ts";
import { isRemovalPod, locationOf, removeState, type StateFate } from "./state-removal.ts";

export type CleanUp =
  | { readonly kind: "wait"; readonly ms: number }
  /** `message` says what is left behind. */
  | { readonly kind: "done" | "given-up"; readonly message: string };

const lookAgainMs = 2_000;
/** Beyond the pods' own time to stop. */
const graceMs = 60_000;

/**
 * Stops the nodes in order before garbage collection takes everything at once: executors first, while schedulers still
 * answer for them, and without a drain, since the data goes nowhere. It never takes longer than twice the grace period
 * of the pods and a minute; what then still runs is left to garbage collection. Only when nothing runs any more the state is
 * removed, where that is asked for.
 */
export async function cleanUp(pass: Pass): Promise<CleanUp> {
  const { caches, clock } = pass.deps;
  const now = clock.monotonicMs();
  pass.memory.deletionSeenMs ??= now;
  const pods = caches.childrenOf<PodObject>("pod", pass.key).filter((pod) => !isRemovalPod(pod, pass.name));
  const isLate = now - pass.memory.deletionSeenMs > boundMs(pass);
  if (isLate && pods.length > 0)
    return { kind: "given-up", message: `${running(pods)} ${whatIsLeft(pass, stateOf(pass))}` };
  for (const set of caches.childrenOf<StatefulSetObject>("statefulSet", pass.key))
    if (pass.isOurs(set) && set.spec.replicas !== 0) await stop(pass, "statefulSet", set.metadata.name ?? "");
  if (pods.some((pod) => pod.metadata.labels?.[label.role] === "executor"))
    return { kind: "wait", ms: lookAgainMs };
  const name = names.workload(pass.name, "scheduler");
  const deployment = caches.child<DeploymentObject>("deployment", `${pass.namespace}/${name}`);
  if (deployment !== undefined && pass.isOurs(deployment) && deployment.spec.replicas !== 0)
    await stop(pass, "deployment", name);
  if (pods.length > 0) return { kind: "wait", ms: lookAgainMs };
  const state = await removeState(pass);
  if (state.kind === "wait") return state;
  const failed = state.kind === "kept" && state.why !== undefined;
  return { kind: failed ? "given-up" : "done", message: whatIsLeft(pass, state) };
}

/** Scaling to 0 keeps the claims: what becomes of them is `whenDeleted`. */
async function stop(pass: Pass, workload: "statefulSet" | "deployment", name: string): Promise<void> {
  const keep = { persistentVolumeClaimRetentionPolicy: { whenScaled: "Retain" } };
  const spec = { replicas: 0, ...(workload === "statefulSet" ? keep : {}) };
  const options = { fieldManager, signal: pass.signal };
  const target = { namespace: pass.namespace, name };
  await pass.deps.client.patch(types[workload], target, { type: "merge", body: { spec } }, options);
}

function boundMs({ resource: { spec } }: Pass): number {
  const seconds = ["schedulerSpec", "executorSpec"].map((role) => {
    const given = at(spec, role, "terminationGracePeriodSeconds");
    return typeof given === "number" ? given : 60;
  });
  return seconds.reduce((sum, each) => sum + each * 1000, graceMs);
}

function running(pods: readonly PodObject[]): string {
  const found = pods.map(({ metadata }) => metadata.name).join(", ");
  return `Pods were still running: ${found}.`;
}

/** The state of a cluster whose pods have not all stopped: nobody removes it under them. */
function stateOf(pass: Pass): StateFate {
  const { location } = locationOf(pass);
  return location === undefined ? { kind: "gone" } : { kind: "kept", location };
}

/** Claims and state that stay. */
function whatIsLeft(pass: Pass, state: StateFate): string {
  const { spec } = pass.resource;
  const fate = at(spec, "executorSpec", "persistentVolumeClaimRetentionPolicy", "whenDeleted");
  const claims = pass.deps.caches.childrenOf<ClaimObject>("claim", pass.key);
  const kept = fate === "Delete" ? [] : claims.map(({ metadata }) => metadata.name ?? "");
  const parts = [
    ...(kept.length === 0 ? [] : [`the volume claims ${kept.sort().join(", ")}`]),
    ...(state.kind === "kept" ? [describeState(state)] : []),
  ];
  return parts.length === 0 ? "Nothing is left behind." : `Left behind: ${parts.join(" and ")}.`;
}

function describeState({ location, why }: StateFate & { readonly kind: "kept" }): string {
  return `the cluster's state at ${location}${why === undefined ? "" : `, since ${why.replace(/\.$/, "")}`}`;
}
