import type { PartitionSet } from "./partition-set.ts";

/** The only `schema_version` that this version reads and writes. */
export const CLUSTER_SCHEMA_VERSION = 1;

/** The key of the one authority under `runtime.scheduler.state_location`. */
export const CLUSTER_KEY = "cluster.json";

/**
 * `cluster.json` in memory (spec chapter 04): names are those of the JSON. Immutable; a change builds a new one.
 * Fields that this version does not know stay in the objects and are written back as they were.
 */
export interface ClusterDocument {
  readonly schema_version: typeof CLUSTER_SCHEMA_VERSION;
  readonly cluster_id: string;
  /** Grows by one with each write of the root. */
  readonly revision: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  /** The spicepod in force; absent until the first scheduler proposed one. */
  readonly app?: AppReference;
  readonly schedulers: Readonly<Record<string, SchedulerEntry>>;
  /** How many schedulers ever left or were replaced: leases that they confirmed may run on for a while. */
  readonly departures?: number;
  readonly executors: Readonly<Record<string, ExecutorEntry>>;
  readonly accelerations: Readonly<Record<string, TableEntry>>;
}

export interface AppReference {
  readonly generation: number;
  readonly sha256: string;
}

export interface SchedulerEntry {
  readonly scheduler_id: string;
  readonly instance_id: string;
  readonly advertise_address: string;
  readonly grpc_address: string;
  readonly http_address: string;
  readonly started_at_ms: number;
  readonly ttl_ms: number;
  readonly build_version: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The number of this scheduler's last write: how it recognises its own write after a lost reply. */
  readonly last_write_seq: number;
}

export type ExecutorState = "active" | "draining";

export interface ExecutorEntry {
  readonly instance_id: string;
  readonly state: ExecutorState;
}

export interface TableEntry {
  /** Fully resolved, e.g. `spice.public.sales`. */
  readonly table_name: string;
  readonly schema_version: typeof CLUSTER_SCHEMA_VERSION;
  /** The document's revision when this table last changed. */
  readonly revision: number;
  readonly updated_at: number;
  /** When the discovery ran whose values the partitions are (information). */
  readonly discovered_at_ms: number;
  /** Canonical prints, in order; empty for an unpartitioned table. */
  readonly partition_expressions: readonly string[];
  /** In the JSON either `partitions` or, above 1,000 of them, `partitions_ref`. */
  readonly partitions: PartitionSet;
}

/** The root's pointer to an immutable assignment object. */
export interface PartitionsRef {
  readonly sha256: string;
  readonly count: number;
  readonly bytes: number;
}

/** The document of a new cluster, before its first write. */
export function newDocument(clusterId: string, nowMs: number): ClusterDocument {
  return {
    schema_version: CLUSTER_SCHEMA_VERSION,
    cluster_id: clusterId,
    revision: 1,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
    schedulers: {},
    executors: {},
    accelerations: {},
  };
}

/** `record` with `name` set, or removed when `value` is undefined. */
export function withEntry<T>(
  record: Readonly<Record<string, T>>,
  name: string,
  value: T | undefined,
): Record<string, T> {
  const { [name]: _, ...rest } = record;
  return value === undefined ? rest : { ...record, [name]: value };
}

/** Executors that new partitions may go to: active, whatever this process hears of them. Sorted by id. */
export function activeExecutors(document: ClusterDocument): string[] {
  return Object.keys(document.executors)
    .filter((id) => document.executors[id]!.state === "active")
    .sort();
}
