import { isAlreadyExists, StatusError } from "@spice-shards/kube";
import { fieldManager, label, names } from "../api/names.ts";
import { removalSeconds, renderStateRemovalJob } from "../render/state-removal-job.ts";
import { types } from "./cache/resource-types.ts";
import { at, type DeploymentObject, type JobObject, type PodObject } from "./objects.ts";
import { observePod } from "./observe/observe-pod.ts";
import type { Pass } from "./pass.ts";
import { messageOf } from "./problems.ts";
import { spicepodOf, stateLocationOf } from "./state-location.ts";

/** What becomes of a deleted cluster's state. */
export type StateFate =
  | { readonly kind: "wait"; readonly ms: number }
  /** There is none outside the pods, or it was removed. */
  | { readonly kind: "gone" }
  /** `why` is absent when that is what the resource asks for. */
  | { readonly kind: "kept"; readonly location: string; readonly why?: string };

const lookAgainMs = 2_000;
/** Beyond the Job's own time. */
const graceMs = 30_000;

const jobLabel = "batch.kubernetes.io/job-name";

/** Whether a pod is one of the Job that removes the state. */
export function isRemovalPod({ metadata }: PodObject, cluster: string): boolean {
  return metadata.labels?.[jobLabel] === names.stateRemoval(cluster);
}

/**
 * Removes the state of a cluster whose nodes have all stopped, when `stateRetentionPolicy` asks for it: by a Job, since the
 * schedulers' image and rights reach the store, and the operator does not. It stays when another cluster has, or wants, the
 * same location, and when the removal fails or takes too long; the reason is in the answer.
 */
export async function removeState(pass: Pass): Promise<StateFate> {
  const { location, shared } = locationOf(pass);
  if (location === undefined) return { kind: "gone" };
  const policy = at(pass.resource.spec, "stateRetentionPolicy", "whenDeleted");
  if (policy !== "Delete" || shared === undefined) return { kind: "kept", location };
  const kept = (why: string): StateFate => ({ kind: "kept", location, why });
  const now = pass.deps.clock.monotonicMs();
  pass.memory.stateRemovalMs ??= now;
  const isLate = now - pass.memory.stateRemovalMs > removalSeconds * 1000 + graceMs;
  try {
    return await advance(pass, { shared, isLate, kept });
  } catch (error) {
    pass.signal.throwIfAborted();
    // Whatever goes wrong delays the deletion for a bounded time only.
    if (!isLate && !isRefusal(error)) throw error;
    return kept(`its removal failed: ${messageOf(error)}`);
  }
}

interface Removal {
  readonly shared: string;
  readonly isLate: boolean;
  readonly kept: (why: string) => StateFate;
}

/** The next step; what the API server answers otherwise than well is thrown. */
async function advance(pass: Pass, { shared, isLate, kept }: Removal): Promise<StateFate> {
  const job = await pass.read<JobObject>(types.job, names.stateRemoval(pass.name));
  if (job === undefined) {
    const other = otherAt(pass, shared);
    if (other !== undefined) return kept(`SpicepodCluster ${other} has the same state_location`);
    if (isLate) return kept("its removal did not begin in time");
    return await begin(pass, kept);
  }
  if (!pass.isOurs(job)) return kept(`the Job ${names.stateRemoval(pass.name)} is somebody else's`);
  const condition = (type: string) =>
    job.status?.conditions?.find((each) => each.type === type && each.status === "True");
  if (condition("Complete") !== undefined) return { kind: "gone" };
  const failed = condition("Failed");
  if (failed !== undefined)
    return kept(`its removal failed: ${lastWordsOf(pass) ?? failed.message ?? failed.reason}`);
  if (!isLate) return { kind: "wait", ms: lookAgainMs };
  await pass.remove({ ...job, apiVersion: "batch/v1", kind: "Job" });
  return kept(`its removal did not end in time${suffix(lastWordsOf(pass))}`);
}

/** The location, for people, and how clusters that share it would be told. */
export function locationOf(pass: Pass): { readonly location?: string; readonly shared?: string } {
  const spicepod = spicepodOf({ resource: pass.resource, caches: pass.deps.caches });
  const location = at(spicepod, "runtime", "scheduler", "state_location");
  if (spicepod === undefined || typeof location !== "string") return {};
  const shared = stateLocationOf(spicepod);
  return { location, ...(shared === undefined ? {} : { shared }) };
}

async function begin(pass: Pass, kept: (why: string) => StateFate): Promise<StateFate> {
  const { namespace, name, resource, signal } = pass;
  const workload = names.workload(name, "scheduler");
  const deployment = await pass.read<DeploymentObject>(types.deployment, workload);
  if (deployment === undefined || !pass.isOurs(deployment))
    return kept(`the Deployment ${workload}, whose rights its removal needs, is gone`);
  if (!(await haveStopped(pass, deployment))) return { kind: "wait", ms: lookAgainMs };
  const owner = { metadata: { name, namespace, uid: resource.metadata.uid ?? "" } };
  const job = renderStateRemovalJob(owner, deployment.spec.template);
  try {
    await pass.deps.client.create(types.job, job, { fieldManager, signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return { kind: "wait", ms: lookAgainMs };
  }
  pass.record(
    "Normal",
    "Deleting",
    "RemoveState",
    `the Job ${job.metadata.name} removes the cluster's state`,
  );
  return { kind: "wait", ms: lookAgainMs };
}

/** Quotas, admission, a namespace that is going, a right that the operator lacks: none of it passes by itself. */
function isRefusal(error: unknown): boolean {
  return error instanceof StatusError && error.code >= 400 && error.code < 500 && error.code !== 429;
}

/** Whether no node runs or is about to, by the API server itself: the cache may be behind. */
async function haveStopped(pass: Pass, { metadata, spec, status = {} }: DeploymentObject): Promise<boolean> {
  const { observedGeneration = 0, replicas = 0 } = status;
  if (spec.replicas !== 0 || observedGeneration < (metadata.generation ?? 1) || replicas > 0) return false;
  const query = { namespace: pass.namespace, labelSelector: `${label.cluster}=${pass.name}` };
  const { items } = await pass.deps.client.list<PodObject>(types.pod, query, pass.signal);
  return items.every((pod) => isRemovalPod(pod, pass.name));
}

/** Another cluster that asks for this state location, or that was given a spicepod which does. */
function otherAt(pass: Pass, location: string): string | undefined {
  const { caches, stateLocations } = pass.deps;
  const [noted] = stateLocations.othersOf(pass.key);
  return (
    noted ??
    caches.clusters().find((key) => {
      if (key === pass.key) return false;
      const cluster = caches.cluster(key);
      const spicepod = cluster && spicepodOf({ resource: cluster, caches });
      return spicepod !== undefined && stateLocationOf(spicepod) === location;
    })
  );
}

/** What the Job's last pod said. */
function lastWordsOf(pass: Pass): string | undefined {
  return pass.deps.caches
    .childrenOf<PodObject>("pod", pass.key)
    .filter((pod) => isRemovalPod(pod, pass.name))
    .map(observePod)
    .toSorted((a, b) => a.createdMs - b.createdMs)
    .findLast(({ lastError }) => lastError !== undefined)?.lastError;
}

function suffix(words: string | undefined): string {
  return words === undefined ? "" : `: ${words}`;
}
