import type {
  ClusterInfo,
  DatasetInfo,
  DrainOutcome,
  EndpointInfo,
  NodeInfo,
  NodeStatus,
  PartitionInfo,
  ReadinessFacts,
  RefreshOutcome,
} from "../ports/node-info.ts";
import type { Executor } from "./executor.ts";

export interface ExecutorInfoOptions {
  readonly nodeId: string;
  readonly executor: Executor;
  readonly endpoints: () => readonly EndpointInfo[];
  readonly accepting: () => boolean;
}

const elsewhere = {
  kind: "unavailable",
  message: "Ask a scheduler: an executor refreshes when a scheduler says so",
} as const;

/** What an executor tells people: its own part of every dataset. */
export class ExecutorInfo implements NodeInfo {
  readonly #options: ExecutorInfoOptions;

  constructor(options: ExecutorInfoOptions) {
    this.#options = options;
  }

  async status(): Promise<NodeStatus> {
    const { nodeId, endpoints, executor } = this.#options;
    const notices = [
      ...(executor.agent.mayServe()
        ? []
        : ["No scheduler confirms this executor's partitions: it refuses reads"]),
      ...(executor.notice === undefined ? [] : [executor.notice]),
    ];
    return { nodeId, role: "executor", endpoints: endpoints(), executors: [], notices };
  }

  async readiness(): Promise<ReadinessFacts> {
    const { accepting, executor } = this.#options;
    return {
      role: "executor",
      nodeReady: executor.agent.allocated,
      accepting: accepting(),
      components: [
        {
          name: "cluster",
          state: executor.agent.allocated ? "ready" : "not-ready",
          detail: executor.agent.allocated ? "joined" : "no scheduler gave an assignment yet",
        },
        ...[...executor.holders].map(([name, holder]) => {
          const { assigned, loaded } = holder.counts;
          return {
            name: `dataset:${name}`,
            state: loaded === assigned ? ("ready" as const) : ("not-ready" as const),
            detail: `${loaded} of ${assigned} assigned partitions loaded`,
          };
        }),
      ],
      executors: undefined,
    };
  }

  async datasets(): Promise<readonly DatasetInfo[]> {
    const { executor } = this.#options;
    return executor.app.described.map((component): DatasetInfo => {
      const state = executor.holders.get(component.fullName)?.state;
      const { assigned, loaded } = state ?? { assigned: 0, loaded: 0 };
      return {
        name: component.name,
        from: component.from,
        kind: component.kind,
        accelerationEnabled: component.acceleration !== undefined,
        replicationEnabled: false,
        engine: component.acceleration?.engine,
        refreshMode: component.acceleration?.refreshMode,
        partitionBy: component.acceleration?.partitionBy ?? [],
        status:
          state === undefined
            ? "Ready"
            : state.error !== ""
              ? "Error"
              : loaded < assigned
                ? "Initializing"
                : "Ready",
        error:
          state === undefined || state.error === ""
            ? undefined
            : {
                category: "dataset",
                type: "AccelerationRefresh",
                code: "RefreshFailed",
                message: state.error,
              },
        freshMs: state?.freshMs,
        partitions: { total: assigned, assigned, loaded },
        rows: state?.rows,
        bytes: state?.bytes,
        progress: undefined,
      };
    });
  }

  async partitions(name: string): Promise<readonly PartitionInfo[] | undefined> {
    const { executor, nodeId } = this.#options;
    const table = executor.app.tables.find((t) => t.name.toLowerCase() === name.toLowerCase());
    if (table === undefined) return undefined;
    return (executor.holders.get(table.fullName)?.partitions() ?? []).map(
      (p): PartitionInfo => ({
        value: Object.fromEntries(table.partitionBy.map((e, i) => [e, p.values[i] ?? null])),
        // Whose copy it learns, only a scheduler knows for sure.
        owner: p.role === "owner" ? nodeId : undefined,
        replicas: p.role === "replica" ? [nodeId] : [],
        epoch: p.epoch,
        version: p.loaded ? p.version : undefined,
        state: p.loaded ? "loaded" : p.error === undefined ? "loading" : "failed",
        rows: p.loaded ? p.rows : undefined,
        bytes: p.loaded ? p.bytes : undefined,
        lastRefreshMs: p.lastRefreshMs,
        lastSnapshotMs: undefined,
        error: p.error,
      }),
    );
  }

  async cluster(): Promise<ClusterInfo | undefined> {
    return undefined;
  }

  async refresh(): Promise<RefreshOutcome> {
    return elsewhere;
  }

  async setRefreshSql(): Promise<RefreshOutcome> {
    return elsewhere;
  }

  async drain(): Promise<DrainOutcome> {
    return { kind: "unavailable", message: "Cluster endpoints are only available on scheduler nodes" };
  }
}
