import type { KnownCluster } from "../lifecycle/types.ts";

/** A node's certificates as it has loaded them; the hashes are absent while it does not answer. */
export interface NodeCertificates {
  readonly id: string;
  /** The executor that has this id; undefined for a scheduler. */
  readonly index: number | undefined;
  /** Lower-case hex of the DER's hash. */
  readonly leafSha256?: string;
  readonly leafNotAfterMs?: number;
  /** Every certificate of the trust bundle. */
  readonly trustSha256: readonly string[];
}

/** What `GetCluster` answers. */
export interface ClusterReport extends KnownCluster {
  readonly nodes: readonly NodeCertificates[];
}

/** A cluster's AdminService (spec chapter 04), whichever scheduler answers. */
export interface ClusterAdmin {
  /** @throws SchedulerUnreachableError when no scheduler answers in time. */
  getCluster(signal?: AbortSignal): Promise<ClusterReport>;
  /** Begin to drain executors, by id; does not wait for the end. @throws SchedulerUnreachableError */
  drain(executors: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Let executors take partitions again. @throws SchedulerUnreachableError */
  undrain(executors: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Ends its connections. */
  close(): void;
}

/** PEM texts of the operator's own leaf, of role `operator`, and the bundle by which it knows schedulers. */
export interface AdminTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface AdminTarget {
  readonly namespace: string;
  readonly cluster: string;
  /** `podIP:port` of schedulers that are ready; they are verified by role, never by address. */
  readonly addresses: readonly string[];
  /** Absent with `allowInsecureConnections`. */
  readonly tls?: AdminTls | undefined;
}

export interface AdminDialer {
  /** Makes no connection before the first call. */
  dial(target: AdminTarget): ClusterAdmin;
}

/** No scheduler could be asked. The message says why, and is fit for a condition. */
export class SchedulerUnreachableError extends Error {
  override readonly name = "SchedulerUnreachableError";
}
