/**
 * What a node tells people about itself and its cluster: what the HTTP API and the command line show. Plain data;
 * every method may be called at any time after the node has started, and answers from memory.
 */
export interface NodeInfo {
  /** The node's endpoints and, on a scheduler, the executors that it knows. */
  status(): Promise<NodeStatus>;
  /** The facts that `/v1/ready` is decided from. */
  readiness(): Promise<ReadinessFacts>;
  /** Every dataset and view of the spicepod in force. */
  datasets(): Promise<readonly DatasetInfo[]>;
  /** The partitions of one dataset, in the order of their values; `undefined` when there is no such dataset. */
  partitions(dataset: string): Promise<readonly PartitionInfo[] | undefined>;
  /** Members and assignment; `undefined` on a node that does not know them (an executor). */
  cluster(): Promise<ClusterInfo | undefined>;
  /** Ask the owners to refresh a dataset once; resolves when the request was accepted, not when it is done. */
  refresh(dataset: string, request: RefreshRequest): Promise<RefreshOutcome>;
  /** Replace a dataset's `refresh_sql` until the node restarts; `null` goes back to the spicepod's. */
  setRefreshSql(dataset: string, refreshSql: string | null): Promise<RefreshOutcome>;
  /** Begin to move everything off an executor, or let it take partitions again; answers at once. */
  drain(executor: string, undrain: boolean): Promise<DrainOutcome>;
}

export type NodeRole = "scheduler" | "executor" | "single";

/** The words that `/v1/status` and `/v1/datasets` use. */
export type ComponentStatus = "Initializing" | "Ready" | "Disabled" | "Error" | "Refreshing" | "ShuttingDown";

export interface NodeStatus {
  readonly nodeId: string;
  readonly role: NodeRole;
  readonly endpoints: readonly EndpointInfo[];
  /** On a scheduler or a single node. */
  readonly executors: readonly ExecutorInfo[];
  /** Advice and problems for people, e.g. a spicepod that was refused. */
  readonly notices: readonly string[];
}

export interface EndpointInfo {
  readonly name: "http" | "flight" | "metrics" | "cluster";
  /** `host:port`, or `N/A` when the endpoint is off. */
  readonly endpoint: string;
  readonly status: ComponentStatus;
}

export interface ExecutorInfo {
  readonly id: string;
  readonly state: "active" | "draining" | "silent";
  /** True once everything that it owns is loaded. */
  readonly ready: boolean;
  readonly partitions: number;
  readonly loaded: number;
  /** Partitions on their way to it or away from it. */
  readonly moving: number;
  /** While it is draining. */
  readonly drain?: DrainInfo;
  readonly rows: number;
  readonly bytes: number;
  /** Wall clock of the last beat, as a Unix time in milliseconds. */
  readonly lastHeartbeatMs: number | undefined;
}

export interface DrainInfo {
  readonly state: "DRAINING" | "DRAINED" | "BLOCKED";
  /** Partitions that it still has. */
  readonly remaining: number;
  /** Why it is blocked. */
  readonly reason?: string;
}

export type DrainOutcome =
  /** `already`: it was draining before. */
  | { readonly kind: "draining"; readonly already: boolean; readonly drain: DrainInfo }
  | { readonly kind: "undrained"; readonly wasDraining: boolean }
  | { readonly kind: "unknown-executor"; readonly message: string }
  /** This node cannot do it, or cannot now. */
  | { readonly kind: "unavailable"; readonly message: string };

export interface ReadinessFacts {
  readonly role: NodeRole;
  /** The node itself can work: a scheduler has read `cluster.json` and can plan (`scope=node`). */
  readonly nodeReady: boolean;
  /** False from the first moment of a shutdown. */
  readonly accepting: boolean;
  /** What must be ready before the node is: accelerated tables on a scheduler, held partitions on an executor. */
  readonly components: readonly ReadinessComponent[];
  /** Executors with an open control stream; `undefined` on a node without a registry of executors. */
  readonly executors: readonly { readonly id: string; readonly ready: boolean }[] | undefined;
}

export interface ReadinessComponent {
  /** For example `dataset:flights`. */
  readonly name: string;
  /** `disabled` components do not count. */
  readonly state: "ready" | "not-ready" | "disabled";
  /** For example `12 of 12 partitions loaded`. */
  readonly detail: string;
}

export interface DatasetInfo {
  readonly name: string;
  /** `from` of the spicepod; the SQL's first words for a view. */
  readonly from: string;
  readonly kind: "dataset" | "view";
  readonly accelerationEnabled: boolean;
  readonly replicationEnabled: boolean;
  /** `arrow`, `duckdb`, …; `undefined` without acceleration. */
  readonly engine: string | undefined;
  readonly refreshMode: string | undefined;
  readonly partitionBy: readonly string[];
  readonly status: ComponentStatus;
  readonly error: DatasetError | undefined;
  /** Unix milliseconds of the oldest last refresh among its partitions. */
  readonly freshMs: number | undefined;
  readonly partitions: PartitionCounts;
  readonly rows: number | undefined;
  readonly bytes: number | undefined;
  readonly progress: RefreshProgress | undefined;
}

export interface DatasetError {
  readonly category: string;
  readonly type: string;
  readonly code: string;
  /** Without secrets. */
  readonly message: string;
}

export interface PartitionCounts {
  readonly total: number;
  readonly assigned: number;
  readonly loaded: number;
}

/** A refresh that is running. */
export interface RefreshProgress {
  readonly rows: number;
  readonly bytes: number;
  readonly startedMs: number;
  readonly expectedRows: number | undefined;
}

export interface PartitionInfo {
  /** Value by canonical expression; `null` is the partition of NULLs. */
  readonly value: Readonly<Record<string, string | null>>;
  /** Executor id, or `undefined` while it is not assigned. */
  readonly owner: string | undefined;
  readonly replicas: readonly string[];
  readonly epoch: number;
  readonly version: number | undefined;
  readonly state: "unassigned" | "assigned" | "loading" | "loaded" | "failed";
  readonly rows: number | undefined;
  readonly bytes: number | undefined;
  readonly lastRefreshMs: number | undefined;
  readonly lastSnapshotMs: number | undefined;
  readonly error: string | undefined;
}

export interface ClusterInfo {
  readonly clusterId: string;
  readonly revision: number;
  readonly appGeneration: number;
  readonly schedulers: readonly {
    readonly id: string;
    readonly httpAddress: string;
    readonly flightAddress: string;
    readonly buildVersion: string;
    readonly startedMs: number;
  }[];
  /** Why the loss of executors is not acted on; undefined when nothing keeps the cluster from it. */
  readonly condition?: string;
  readonly executors: readonly ExecutorInfo[];
  readonly tables: readonly {
    readonly name: string;
    readonly revision: number;
    readonly partitionBy: readonly string[];
    readonly partitions: PartitionCounts;
    /** Unix milliseconds of the oldest last refresh among its partitions, once each was refreshed. */
    readonly freshMs?: number;
  }[];
}

export interface RefreshRequest {
  readonly refreshSql?: string;
  readonly refreshMode?: "full" | "append";
  readonly refreshJitterMaxMs?: number;
  /** Only this partition: value by expression, as `PartitionInfo.value`. */
  readonly partition?: Readonly<Record<string, string | null>>;
}

export type RefreshOutcome =
  | { readonly kind: "accepted" }
  | { readonly kind: "unknown-dataset" }
  | { readonly kind: "not-accelerated" }
  /** The request is wrong for this dataset; the message says why and what to do. */
  | { readonly kind: "refused"; readonly message: string }
  /** Nobody can do it now; the same request may succeed later. */
  | { readonly kind: "unavailable"; readonly message: string };
