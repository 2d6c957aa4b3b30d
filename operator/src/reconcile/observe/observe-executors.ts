import { differences, type KubeObject, listRulesOf, type ResourceType, sourceOf } from "@spice-shards/kube";
import { listRules } from "../../api/list-rules.ts";
import { annotation, label } from "../../api/names.ts";
import type {
  ClaimRetention,
  DrainMark,
  ObservedClaim,
  ObservedExecutor,
  ObservedPod,
} from "../../lifecycle/types.ts";
import { parseQuantity } from "../../schema/quantity.ts";
import { types } from "../cache/resource-types.ts";
import { at, type ClaimObject, type PodObject, type StatefulSetObject } from "../objects.ts";
import type { Pass } from "../pass.ts";
import { executorStatefulSet } from "./executor-sets.ts";
import { observePod } from "./observe-pod.ts";

/** The objects of a cluster's nodes, of one moment. */
export interface NodeObjects {
  readonly sets: readonly StatefulSetObject[];
  readonly pods: readonly PodObject[];
  readonly claims: readonly ClaimObject[];
}

export interface ObservedNodes {
  readonly executors: ReadonlyMap<number, ObservedExecutor>;
  readonly schedulers: readonly ObservedPod[];
  readonly sets: ReadonlyMap<number, StatefulSetObject>;
}

/** What the caches have: enough for plans that take nothing away. */
export function cachedNodes({ deps, key }: Pass): NodeObjects {
  return {
    sets: deps.caches.childrenOf<StatefulSetObject>("statefulSet", key),
    pods: deps.caches.childrenOf<PodObject>("pod", key),
    claims: deps.caches.childrenOf<ClaimObject>("claim", key),
  };
}

/** The same from the API server. */
export async function readNodes(pass: Pass): Promise<NodeObjects> {
  const query = { namespace: pass.namespace, labelSelector: `${label.cluster}=${pass.name}` };
  // A source gives items the kind that the server leaves out in lists.
  const read = async <T extends KubeObject>(type: ResourceType) =>
    (await sourceOf<T>(pass.deps.client, type).list(query, pass.signal)).items;
  const [sets, pods, claims] = await Promise.all([
    read<StatefulSetObject>(types.statefulSet),
    read<PodObject>(types.pod),
    read<ClaimObject>(types.claim),
  ]);
  return { sets, pods, claims };
}

/** The nodes as plans see them. `expandable` tells of a storage class whether it lets volumes grow. */
export function observeNodes(
  pass: Pass,
  { sets, pods, claims }: NodeObjects,
  expandable: (storageClass: string | undefined) => boolean | undefined,
): ObservedNodes {
  const ours = new Map(
    sets.filter((set) => pass.isOurs(set)).flatMap((set) => entry(set.metadata.labels, set)),
  );
  const podOf = new Map(
    pods
      .filter(({ metadata }) => metadata.labels?.[label.role] === "executor")
      .flatMap((pod) => entry(pod.metadata.labels, pod)),
  );
  const executors = new Map(
    [...ours].map(([index, set]): [number, ObservedExecutor] => {
      const pod = podOf.get(index);
      return [
        index,
        {
          statefulSet: observeSet(pass, index, set),
          ...(pod === undefined ? {} : { pod: observePod(pod) }),
          claims: claims
            .filter(({ metadata }) => metadata.labels?.[label.executor] === String(index))
            .flatMap((claim) => observeClaim(claim, set, expandable)),
        },
      ];
    }),
  );
  const schedulers = pods
    .filter(({ metadata }) => metadata.labels?.[label.role] === "scheduler")
    .map(observePod);
  return { executors, schedulers, sets: ours };
}

function entry<T>(labels: Readonly<Record<string, string>> | undefined, value: T): readonly [number, T][] {
  const index = Number(labels?.[label.executor]);
  return Number.isInteger(index) ? [[index, value]] : [];
}

function observeSet(pass: Pass, index: number, set: StatefulSetObject): ObservedExecutor["statefulSet"] {
  const { metadata, spec } = set;
  const { whenScaled = "Retain", whenDeleted = "Retain" } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  const retention: ClaimRetention = { whenScaled, whenDeleted };
  const replicas = spec.replicas ?? 1;
  const drainedFor = markOf(metadata.annotations?.[annotation.drainedFor]);
  const { status } = set as { readonly status?: { readonly observedGeneration?: number } };
  const shape = {
    replicas: replicas === 0 ? 0 : 1,
    retention,
    ...(drainedFor === undefined ? {} : { drainedFor }),
  } as const;
  const { context } = pass.valid;
  const rules = listRulesOf("StatefulSet", listRules.StatefulSet);
  const kept = executorStatefulSet(context, index, { ...shape, template: "live" }, spec.template);
  const wanted = executorStatefulSet(context, index, { ...shape, template: "wanted" }, undefined);
  const hash = templateHashIn(spec.template);
  // A template that says it is the wanted one and is not was changed by hand.
  const edited =
    hash === templateHashIn(templateOf(wanted)) &&
    differences(templateOf(wanted), spec.template, rulesBelow(rules, "spec.template")).length > 0;
  return {
    uid: metadata.uid ?? "",
    replicas,
    templateHash: hash,
    observed: (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0),
    drifted: edited || differences(kept, set, rules).length > 0,
    retention,
    ...(drainedFor === undefined ? {} : { drainedFor }),
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

function templateOf(object: { readonly [field: string]: unknown }) {
  return (object["spec"] as StatefulSetObject["spec"]).template;
}

function templateHashIn(template: StatefulSetObject["spec"]["template"]): string {
  const hash = at(template, "metadata", "annotations", annotation.templateHash);
  return typeof hash === "string" ? hash : "";
}

/** The rules of an object for a part of it. */
function rulesBelow(rules: ReturnType<typeof listRulesOf>, path: string): ReturnType<typeof listRulesOf> {
  return new Map(
    [...rules].flatMap(([at, rule]) =>
      at.startsWith(`${path}.`) ? [[at.slice(path.length + 1), rule] as const] : [],
    ),
  );
}

function markOf(text: string | undefined): DrainMark | undefined {
  return text === "removal" || text === "update" ? text : undefined;
}

function observeClaim(
  claim: ClaimObject,
  set: StatefulSetObject,
  expandable: (storageClass: string | undefined) => boolean | undefined,
): readonly ObservedClaim[] {
  const { metadata, spec, status } = claim;
  const { name = "", uid = "" } = metadata;
  const suffix = `-${set.metadata.name}-0`;
  if (!name.endsWith(suffix)) return [];
  const resizing = (status?.conditions ?? []).some(
    ({ type, status: holds }) =>
      (type === "Resizing" || type === "FileSystemResizePending") && holds === "True",
  );
  return [
    {
      template: name.slice(0, -suffix.length),
      name,
      uid,
      deleting: metadata.deletionTimestamp !== undefined,
      requestedBytes: bytesOf(spec.resources?.requests?.storage),
      capacityBytes: bytesOf(status?.capacity?.storage),
      resizing,
      allowsExpansion: expandable(spec.storageClassName),
      ...(spec.storageClassName === undefined ? {} : { storageClass: spec.storageClassName }),
    },
  ];
}

function bytesOf(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : (parseQuantity(quantity) ?? 0);
}
