import { canonicalJson, type KubeObject, trimObject } from "@spice-shards/kube";
import { kind, label } from "../../api/names.ts";
import { at, type ClaimObject, type ClusterObject, type PodObject } from "../objects.ts";
import { Packed } from "./packed.ts";
import type { WatchedChild } from "./resource-types.ts";

/** What the cache keeps of a cluster. */
export function packCluster(object: ClusterObject): Packed<ClusterObject> {
  const { namespace } = object.metadata;
  const configMap = at(object.spec, "schedulerSpec", "spicepodConfigMapRef", "name");
  return new Packed(trimObject(object), {
    wish: wishOf(object),
    ...(typeof configMap === "string" ? { configMap: `${namespace}/${configMap}` } : {}),
  });
}

/** What the cache keeps of a child: what the operator compares or reads. */
export function packChild(name: WatchedChild, object: KubeObject): Packed {
  const cluster = clusterOf(object);
  return new Packed(trimChild(name, object, cluster), cluster === undefined ? {} : { cluster });
}

function trimChild(name: WatchedChild, object: KubeObject, cluster: string | undefined): KubeObject {
  switch (name) {
    case "configMap":
      // Every ConfigMap is watched, since a cluster may name one of its user's: of those only the version counts.
      return cluster === undefined ? identityOf(object) : trimObject(object);
    case "pod":
      return trimPod(trimObject(object as PodObject));
    case "claim":
      return trimClaim(trimObject(object as ClaimObject));
    case "deployment":
    case "statefulSet":
      return trimObject(object);
    default: {
      const { status: _, ...rest } = trimObject(object) as KubeObject & { readonly status?: unknown };
      return rest;
    }
  }
}

function identityOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } };
}

/** Pods are never compared with what is wanted, only observed. */
function trimPod({ apiVersion, kind, metadata, status = {} }: PodObject): PodObject {
  const { phase, reason, message, podIP, conditions, containerStatuses } = status;
  const containers = containerStatuses?.map(({ restartCount, state, lastState }) => ({
    ...(restartCount === undefined ? {} : { restartCount }),
    ...(state === undefined ? {} : { state }),
    ...(lastState === undefined ? {} : { lastState }),
  }));
  return {
    apiVersion,
    kind,
    metadata,
    status: {
      ...(phase === undefined ? {} : { phase }),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(podIP === undefined ? {} : { podIP }),
      ...(conditions === undefined ? {} : { conditions }),
      ...(containers === undefined ? {} : { containerStatuses: containers }),
    },
  };
}

function trimClaim({ apiVersion, kind, metadata, spec, status }: ClaimObject): ClaimObject {
  const { storageClassName, resources } = spec;
  return {
    apiVersion,
    kind,
    metadata,
    spec: {
      ...(storageClassName === undefined ? {} : { storageClassName }),
      ...(resources === undefined ? {} : { resources }),
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** The cluster that an object belongs to: by its label, and by its owner in case somebody took the label away. */
function clusterOf({ metadata }: KubeObject): string | undefined {
  const { namespace = "", labels, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find((each) => each.controller === true && each.kind === kind)?.name;
  const name = labels?.[label.cluster] ?? owner;
  return name === undefined ? undefined : `${namespace}/${name}`;
}

/** What somebody wants of a cluster, in contrast to what the operator says in its status. */
export function wishOf({ metadata }: ClusterObject): string {
  const { generation, deletionTimestamp, annotations, labels } = metadata;
  return `${generation} ${deletionTimestamp ?? ""} ${canonicalJson(annotations ?? {})} ${canonicalJson(labels ?? {})}`;
}
