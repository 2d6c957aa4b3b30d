import type { KubeObject } from "@spice-shards/kube";
import type { SpicepodClusterStatus } from "../api/status.ts";
import type { Json, JsonObject } from "../schema/schema.ts";

/** What the operator reads of objects; everything else is passed on as it is. */

export interface ClusterObject extends KubeObject {
  readonly spec: JsonObject;
  readonly status?: SpicepodClusterStatus;
}

export interface ConfigMapObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface ObjectCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface DeploymentObject extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly template: JsonObject };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly conditions?: readonly ObjectCondition[];
  };
}

export interface JobObject extends KubeObject {
  readonly status?: { readonly conditions?: readonly ObjectCondition[] };
}

export interface StatefulSetObject extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: JsonObject;
    readonly volumeClaimTemplates?: readonly JsonObject[];
    readonly persistentVolumeClaimRetentionPolicy?: {
      readonly whenScaled?: "Delete" | "Retain";
      readonly whenDeleted?: "Delete" | "Retain";
    };
  };
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

export interface PodObject extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    /** Of a pod that was evicted, or that its node refused. */
    readonly reason?: string;
    readonly message?: string;
    readonly podIP?: string;
    readonly conditions?: readonly ObjectCondition[];
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: ContainerState;
      readonly lastState?: ContainerState;
    }[];
  };
}

export interface ClaimObject extends KubeObject {
  readonly spec: {
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string | number } };
  };
  readonly status?: {
    readonly phase?: string;
    readonly capacity?: { readonly storage?: string | number };
    readonly conditions?: readonly ObjectCondition[];
  };
}

export interface StorageClassObject extends KubeObject {
  readonly allowVolumeExpansion?: boolean;
}

export function isReady({ status, metadata }: PodObject): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    (status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True")
  );
}

/** The value at a path of names. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
    found = (found as JsonObject)[name];
  }
  return found;
}

/** An object of the wire as the JSON that it came as. */
export function toJson(object: unknown): Json {
  return object as Json;
}
