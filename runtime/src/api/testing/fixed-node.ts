import type {
  ClusterInfo,
  DatasetInfo,
  DrainOutcome,
  ExecutorInfo,
  NodeInfo,
  NodeStatus,
  PartitionInfo,
  ReadinessFacts,
  RefreshOutcome,
  RefreshRequest,
} from "../../ports/node-info.ts";

const executor: ExecutorInfo = {
  id: "exec-0:50052",
  state: "active",
  ready: true,
  partitions: 12,
  loaded: 12,
  moving: 0,
  rows: 3_000_000,
  bytes: 1_000_000,
  lastHeartbeatMs: 1_700_000_000_000,
};

const dataset: DatasetInfo = {
  name: "flights",
  from: "file:flights.parquet",
  kind: "dataset",
  accelerationEnabled: true,
  replicationEnabled: false,
  engine: "arrow",
  refreshMode: "full",
  partitionBy: ["bucket(12, origin)"],
  status: "Ready",
  error: undefined,
  freshMs: 1_700_000_000_000,
  partitions: { total: 12, assigned: 12, loaded: 12 },
  rows: 3_000_000,
  bytes: 1_000_000,
  progress: undefined,
};

const partition: PartitionInfo = {
  value: { "bucket(12, origin)": "0" },
  owner: "exec-0:50052",
  replicas: [],
  epoch: 4,
  version: 2,
  state: "loaded",
  rows: 250_000,
  bytes: 80_000,
  lastRefreshMs: 1_700_000_000_000,
  lastSnapshotMs: undefined,
  error: undefined,
};

/** A node that answers with fixed facts, which a test may change. */
export class FixedNode implements NodeInfo {
  facts: ReadinessFacts = {
    role: "scheduler",
    nodeReady: true,
    accepting: true,
    components: [{ name: "dataset:flights", state: "ready", detail: "12 of 12 partitions loaded" }],
    executors: [{ id: "exec-0:50052", ready: true }],
  };
  clusterInfo: ClusterInfo | undefined = {
    clusterId: "c",
    revision: 42,
    appGeneration: 3,
    schedulers: [],
    executors: [executor],
    tables: [
      {
        name: "spice.public.flights",
        revision: 40,
        partitionBy: dataset.partitionBy,
        partitions: dataset.partitions,
      },
    ],
  };
  outcome: RefreshOutcome = { kind: "accepted" };
  draining = false;
  readonly refreshes: { dataset: string; request: RefreshRequest }[] = [];
  readonly refreshSqls: (string | null)[] = [];

  async status(): Promise<NodeStatus> {
    return {
      nodeId: "scheduler:50052",
      role: "scheduler",
      endpoints: [
        { name: "http", endpoint: "127.0.0.1:8090", status: "Ready" },
        { name: "metrics", endpoint: "N/A", status: "Disabled" },
      ],
      executors: [executor],
      notices: ["fewer partitions than executors"],
    };
  }

  async readiness(): Promise<ReadinessFacts> {
    return this.facts;
  }

  async datasets(): Promise<readonly DatasetInfo[]> {
    return [dataset];
  }

  async partitions(name: string): Promise<readonly PartitionInfo[] | undefined> {
    return name === dataset.name ? [partition] : undefined;
  }

  async cluster(): Promise<ClusterInfo | undefined> {
    return this.clusterInfo;
  }

  async refresh(name: string, request: RefreshRequest): Promise<RefreshOutcome> {
    if (name !== dataset.name) return { kind: "unknown-dataset" };
    this.refreshes.push({ dataset: name, request });
    return this.outcome;
  }

  async setRefreshSql(name: string, refreshSql: string | null): Promise<RefreshOutcome> {
    if (name !== dataset.name) return { kind: "unknown-dataset" };
    this.refreshSqls.push(refreshSql);
    return this.outcome;
  }

  async drain(id: string, undrain: boolean): Promise<DrainOutcome> {
    if (id !== executor.id) return { kind: "unknown-executor", message: `Executor ${id} is not a member` };
    const wasDraining = this.draining;
    this.draining = !undrain;
    return undrain
      ? { kind: "undrained", wasDraining }
      : { kind: "draining", already: wasDraining, drain: { state: "DRAINING", remaining: 12 } };
  }
}
