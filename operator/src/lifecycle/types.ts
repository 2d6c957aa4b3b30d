import type { Reason } from "../api/conditions.ts";

/** `executorSpec` as far as the life of executors needs it. */
export interface WantedExecutors {
  /** `executorSpec.replicas`; 0 stops all executors and keeps everything else. */
  readonly replicas: number;
  /** `spec.paused`: nothing changes. */
  readonly paused: boolean;
  readonly strategy: {
    readonly type: "RollingOrdered" | "RollingParallel";
    readonly maxUnavailable: number;
  };
  /** The hash of the pod template as it is rendered now, by executor: at least for 0 to `replicas - 1`. */
  readonly templateHashes: ReadonlyMap<number, string>;
  /** The claims by name of their template, with the storage that is wanted. */
  readonly claims: readonly WantedClaim[];
  /** `persistentVolumeClaimRetentionPolicy` with its defaults. */
  readonly retention: ClaimRetention;
}

export interface WantedClaim {
  readonly template: string;
  /** The quantity as it is written, for the claim's request. */
  readonly request: string;
  readonly bytes: number;
}

export interface ClaimRetention {
  readonly whenScaled: "Delete" | "Retain";
  readonly whenDeleted: "Delete" | "Retain";
}

/** One executor's StatefulSet with its pod and claims. */
export interface ObservedExecutor {
  readonly statefulSet: ObservedStatefulSet;
  /** Absent when there is none. */
  readonly pod?: ObservedPod;
  readonly claims: readonly ObservedClaim[];
}

export interface ObservedStatefulSet {
  readonly uid: string;
  readonly replicas: number;
  /** The hash of the template that it has now, comparable with {@link WantedExecutors.templateHashes}. */
  readonly templateHash: string;
  /** `status.observedGeneration` is `metadata.generation`: new pods are made from that template. */
  readonly observed: boolean;
  /** Something of ours other than template, replicas, retention and mark differs from what is rendered. */
  readonly drifted: boolean;
  readonly retention: ClaimRetention;
  /** The annotation `spice.ai/drained-for`. A drain without it is somebody else's and left alone. */
  readonly drainedFor?: DrainMark;
  readonly deleting: boolean;
}

/** Why the operator drains an executor: to take it away, or to replace its pod. */
export type DrainMark = "removal" | "update";

export interface ObservedPod {
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  /** The hash of the template that it was made from. */
  readonly templateHash: string;
  readonly deleting: boolean;
  /** Restarts of its container. */
  readonly restarts: number;
  /** Why its container waits (`CrashLoopBackOff`, `ImagePullBackOff`) or, not placed yet, `Unschedulable`. */
  readonly waitingReason?: string;
  /** The last line that a container which failed left behind, or the message of what it waits for. */
  readonly lastError?: string;
  readonly createdMs: number;
  /** When its condition Ready last changed; `createdMs` when it has none. */
  readonly readyChangedMs: number;
}

export interface ObservedClaim {
  /** The name of its template, and its own. */
  readonly template: string;
  readonly name: string;
  readonly uid: string;
  readonly deleting: boolean;
  readonly requestedBytes: number;
  /** What the volume has; 0 before it is bound. */
  readonly capacityBytes: number;
  /** Conditions say that a larger volume is on its way. */
  readonly resizing: boolean;
  /** The class's `allowVolumeExpansion`; undefined when the class is not known. */
  readonly allowsExpansion: boolean | undefined;
  /** The class, for messages. */
  readonly storageClass?: string;
}

/** What a scheduler says of the cluster, or why none could be asked. */
export type ClusterView =
  | ({ readonly kind: "known" } & KnownCluster)
  | { readonly kind: "unreachable"; readonly reason: string };

export interface KnownCluster {
  readonly revision: number;
  readonly appGeneration: number;
  readonly executors: readonly ClusterExecutor[];
  readonly partitions: PartitionCounts;
  readonly tables: readonly ClusterTable[];
  /** Datasets whose partitions cannot be found or loaded, with what was wrong last. */
  readonly problems?: readonly { readonly dataset: string; readonly message: string }[];
}

export interface PartitionCounts {
  readonly total: number;
  readonly assigned: number;
  readonly loaded: number;
}

export interface ClusterTable extends PartitionCounts {
  readonly name: string;
  /** Unix milliseconds of the oldest last refresh among its partitions; undefined before all are loaded. */
  readonly freshMs: number | undefined;
}

export interface ClusterExecutor {
  /** Its address in the cluster. */
  readonly id: string;
  /** The executor that has this id; undefined for one that is not of this operator. */
  readonly index: number | undefined;
  readonly instanceId: string;
  /** Draining also while it is not heard. */
  readonly state: "active" | "draining" | "silent";
  readonly owned: number;
  /** Those of the owned that it has loaded. */
  readonly loaded: number;
  /** Partitions on their way to it or away from it. */
  readonly moving: number;
  /** Of one that is draining. */
  readonly drain?: DrainProgress;
}

export interface DrainProgress {
  readonly state: "DRAINING" | "DRAINED" | "BLOCKED";
  readonly remaining: number;
  /** Why it is blocked. */
  readonly reason?: string;
}

/** `status.pause`, with the value of the annotation `spice.ai/resume` when the pause began. */
export interface StatusPause {
  readonly reason: Reason;
  readonly generation: number;
  readonly resume?: string;
}

export interface ExecutorInput {
  readonly nowMs: number;
  /** `metadata.generation` of the resource. */
  readonly generation: number;
  readonly wanted: WantedExecutors;
  /** `--pause-crashlooping-pods-threshold`; 0 disables. */
  readonly crashLoopThreshold: number;
  /** `status.pause` as it is stored. */
  readonly pause?: StatusPause;
  /** The annotation `spice.ai/resume` on the resource. */
  readonly resume?: string;
  /** The executors that have a StatefulSet, by index. */
  readonly executors: ReadonlyMap<number, ObservedExecutor>;
  /** The pods of the schedulers' Deployment; their `templateHash` is not looked at. */
  readonly schedulers: readonly ObservedPod[];
  readonly cluster: ClusterView;
}

/** What a StatefulSet's own fields shall be after an action. */
export interface StatefulSetShape {
  readonly replicas: 0 | 1;
  readonly retention: ClaimRetention;
  /** The annotation `spice.ai/drained-for`; absent: none. */
  readonly drainedFor?: DrainMark;
  /** `live`: its turn in a rollout has not come, so it keeps the template that it has. */
  readonly template: "wanted" | "live";
}

/** Why the operator deletes pods. */
export const restartReasons = ["RollingOut", "CrashLooping"] as const satisfies readonly Reason[];
export type RestartReason = (typeof restartReasons)[number];

/**
 * One write. Each may be repeated, since plans are made anew from what is there. `delete-*` carry the UID that the API
 * server must check (`preconditions.uid`), so that a repeated one never meets a successor. `create` fails when the
 * StatefulSet exists. A `drain` or `undrain` of an executor that no scheduler knows is done.
 */
export type ExecutorAction =
  | {
      /** Write the StatefulSet as `shape` says. The kinds tell what changes, for logs. */
      readonly kind: "create" | "apply-template" | "mark" | "set-retention" | "scale" | "repair";
      readonly index: number;
      readonly shape: StatefulSetShape;
    }
  | { readonly kind: "drain" | "undrain"; readonly index: number; readonly executor: string }
  | { readonly kind: "delete-stateful-set"; readonly index: number; readonly uid: string }
  | {
      readonly kind: "delete-pod";
      /** The executor; undefined for a scheduler. */
      readonly index: number | undefined;
      readonly pod: string;
      readonly uid: string;
      /** For the event, and the count of restarts. */
      readonly reason: RestartReason;
      readonly message: string;
    }
  /** Only of an executor that was taken away, with `whenScaled: Delete`, when the claim outlived its pod. */
  | { readonly kind: "delete-claim"; readonly index: number; readonly claim: string; readonly uid: string }
  | {
      readonly kind: "expand-claim";
      readonly index: number;
      readonly claim: string;
      /** The new `spec.resources.requests.storage`. */
      readonly request: string;
    }
  | { readonly kind: "pause"; readonly pause: StatusPause; readonly message: string }
  /** Remove `status.pause`. */
  | { readonly kind: "resume"; readonly message: string };

/** A condition as far as executors decide it; others are computed from the counts. */
export interface PlannedCondition {
  readonly type: "Progressing" | "Degraded" | "Paused";
  readonly status: "True" | "False";
  readonly reason: Reason;
  readonly message: string;
}

export interface ExecutorPlan {
  /** In the order in which they are to be done; the first that fails ends the pass. */
  readonly actions: readonly ExecutorAction[];
  /** Exactly one for each of Progressing, Degraded and Paused. */
  readonly conditions: readonly PlannedCondition[];
  /** Whether the schedulers' Deployment may get a new pod template now: executors come first. */
  readonly schedulersMayRoll: boolean;
  /** When to look again although no object changes; undefined when nothing is waited for. */
  readonly requeueMs?: number;
}
