import type { Reason } from "../api/conditions.ts";
import type { ClusterView, PlannedCondition, StatusPause } from "../lifecycle/types.ts";

/** Something that stops a reconcile. */
export interface Problem {
  readonly reason: Reason;
  readonly message: string;
  /** The resource, or something that it names, must change; else time alone may help. */
  readonly terminal: boolean;
  /** What takes its time, and is not wrong before that is over. */
  readonly isUnderWay?: boolean;
}

export interface CertificateStatus {
  readonly secretName: string;
  readonly rootExpiresMs: number | undefined;
  readonly leavesExpireMs: number | undefined;
  readonly phase: "stable" | "trust" | "reissue" | "retire";
  readonly waitingFor: Readonly<Record<string, string>>;
  /** Certificates that serve still and that their issuer should have renewed, with what is known of each. */
  readonly overdue?: Readonly<Record<string, string>>;
}

/** All that a pass over a cluster has learnt. Absent parts were not reached, or could not be seen. */
export interface StatusFacts {
  readonly generation: number;
  readonly nowMs: number;
  /** Selects the executors' pods. */
  readonly selector: string;
  readonly pausedByUser: boolean;
  readonly insecure: boolean;
  /** What stopped the pass. */
  readonly problem?: Problem;
  /** Whether resource and spicepod are right; absent when the pass did not come to judge. */
  readonly config?: Problem | "valid";
  readonly certificates?: CertificateStatus;
  readonly schedulers: {
    readonly ready: number;
    readonly wanted: number;
    readonly total: number;
    /** All pods are of the present template, and no others are left. */
    readonly current: boolean;
    /** Pods that do not become ready and say why, or why there are none. */
    readonly troubles?: readonly string[];
  };
  readonly executors: {
    readonly ready: number;
    readonly wanted: number;
    readonly total: number;
    readonly troubles?: readonly string[];
  };
  readonly view?: ClusterView;
  /** Tables that the spicepod accelerates. */
  readonly accelerated: number;
  readonly spicepod?: { readonly generation: number; readonly digest: string };
  readonly planned: readonly PlannedCondition[];
  readonly pause: StatusPause | undefined;
}
