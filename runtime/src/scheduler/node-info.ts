import type { ClusterDocument, TableEntry } from "../core/cluster/document/document.ts";
import { messageOf } from "../core/text/message-of.ts";
import type {
  ClusterInfo,
  ComponentStatus,
  DatasetError,
  DatasetInfo,
  DrainOutcome,
  EndpointInfo,
  ExecutorInfo,
  NodeInfo,
  NodeStatus,
  PartitionCounts,
  PartitionInfo,
  ReadinessFacts,
  RefreshOutcome,
  RefreshRequest,
} from "../ports/node-info.ts";
import type { ExecutorViews } from "./executor-views.ts";
import type { FirstReports } from "./first-reports.ts";
import { type Drains, UnknownExecutorError } from "./moves/drains.ts";

/** A dataset or view of the spicepod in force, as people are told of it. */
export interface DescribedDataset {
  readonly name: string;
  /** Full name in the cluster document. */
  readonly fullName: string;
  readonly kind: "dataset" | "view";
  readonly from: string;
  /** Undefined without acceleration. */
  readonly acceleration:
    | { readonly engine: string; readonly refreshMode: string; readonly partitionBy: readonly string[] }
    | undefined;
}

export interface SchedulerInfoOptions {
  readonly nodeId: string;
  readonly role: "scheduler" | "single";
  readonly endpoints: () => readonly EndpointInfo[];
  readonly executors: ExecutorViews;
  /** Milliseconds since an executor was heard here; undefined when it is not connected. */
  silentForMs(executor: string): number | undefined;
  /** Undefined until `cluster.json` was read. */
  readonly document: () => ClusterDocument | undefined;
  readonly datasets: () => readonly DescribedDataset[];
  readonly notices: () => readonly string[];
  /** The last failure of discovery, by full name. */
  discoveryError(table: string): string | undefined;
  readonly drains: Drains;
  /** What a scheduler waits for before others are sent to it. */
  readonly firstReports: FirstReports;
  /** Why the loss of executors is not acted on. */
  readonly condition: () => string | undefined;
  readonly accepting: () => boolean;
  readonly wallMs: () => number;
  refresh(fullName: string, request: RefreshRequest): Promise<RefreshOutcome>;
  setRefreshSql(fullName: string, refreshSql: string | null): Promise<RefreshOutcome>;
}

/** An executor whose beat counter did not move for this long is shown as silent. */
const silentAfterMs = 6_000;

/** What a scheduler tells people: the cluster document joined with what executors report. */
export class SchedulerInfo implements NodeInfo {
  readonly #options: SchedulerInfoOptions;

  constructor(options: SchedulerInfoOptions) {
    this.#options = options;
  }

  async status(): Promise<NodeStatus> {
    const { nodeId, role, endpoints, notices } = this.#options;
    return { nodeId, role, endpoints: endpoints(), executors: this.#executorInfos(), notices: notices() };
  }

  async readiness(): Promise<ReadinessFacts> {
    const { role, accepting, document, datasets } = this.#options;
    const known = document();
    const accelerated = datasets().filter((d) => d.acceleration !== undefined);
    const tables =
      known === undefined
        ? []
        : this.#options.executors.book.readiness(
            known,
            accelerated.map((d) => d.fullName),
          );
    return {
      role,
      nodeReady: known !== undefined && (role === "single" || this.#options.firstReports.complete(tables)),
      accepting: accepting(),
      components: accelerated.map((d, i) => {
        const table = tables[i];
        return {
          name: `${d.kind}:${d.name}`,
          state: table?.known === true && table.loaded === table.partitions ? "ready" : "not-ready",
          detail:
            table?.known === true
              ? `${table.loaded} of ${table.partitions} partitions loaded`
              : (this.#options.discoveryError(d.fullName) ?? "partitions not discovered yet"),
        };
      }),
      executors: this.#executorInfos().map(({ id, ready }) => ({ id, ready })),
    };
  }

  async datasets(): Promise<readonly DatasetInfo[]> {
    return this.#options.datasets().map((dataset) => this.#datasetInfo(dataset));
  }

  async partitions(name: string): Promise<readonly PartitionInfo[] | undefined> {
    const dataset = this.#find(name);
    if (dataset === undefined) return undefined;
    const table = this.#options.document()?.accelerations[dataset.fullName];
    if (table === undefined) return [];
    return Array.from({ length: table.partitions.count }, (_, i) => this.#partitionInfo(table, i));
  }

  async cluster(): Promise<ClusterInfo | undefined> {
    const document = this.#options.document();
    if (document === undefined) return undefined;
    const condition = this.#options.condition();
    return {
      ...(condition === undefined ? {} : { condition }),
      clusterId: document.cluster_id,
      revision: document.revision,
      appGeneration: document.app?.generation ?? 0,
      schedulers: Object.values(document.schedulers).map((s) => ({
        id: s.scheduler_id,
        httpAddress: s.http_address,
        flightAddress: s.grpc_address,
        buildVersion: s.build_version,
        startedMs: s.started_at_ms,
      })),
      executors: this.#executorInfos(),
      tables: Object.values(document.accelerations).map((table) => ({
        name: table.table_name,
        revision: table.revision,
        partitionBy: table.partition_expressions,
        partitions: this.#counts(table),
        ...this.#freshness(table),
      })),
    };
  }

  async refresh(name: string, request: RefreshRequest): Promise<RefreshOutcome> {
    const dataset = this.#find(name);
    if (dataset === undefined) return { kind: "unknown-dataset" };
    if (dataset.acceleration === undefined) return { kind: "not-accelerated" };
    return this.#options.refresh(dataset.fullName, request);
  }

  async setRefreshSql(name: string, refreshSql: string | null): Promise<RefreshOutcome> {
    const dataset = this.#find(name);
    if (dataset === undefined) return { kind: "unknown-dataset" };
    if (dataset.acceleration === undefined) return { kind: "not-accelerated" };
    return this.#options.setRefreshSql(dataset.fullName, refreshSql);
  }

  async drain(executor: string, undrain: boolean): Promise<DrainOutcome> {
    const { drains } = this.#options;
    try {
      if (undrain) return { kind: "undrained", wasDraining: await drains.undrain(executor) };
      const { already, ...drain } = await drains.drain(executor, 0);
      return { kind: "draining", already, drain };
    } catch (error) {
      const kind = error instanceof UnknownExecutorError ? "unknown-executor" : "unavailable";
      return { kind, message: messageOf(error) };
    }
  }

  #find(name: string): DescribedDataset | undefined {
    return this.#options.datasets().find((d) => d.name.toLowerCase() === name.toLowerCase());
  }

  #executorInfos(): ExecutorInfo[] {
    const document = this.#options.document();
    const ids = new Set([
      ...Object.keys(document?.executors ?? {}),
      ...this.#options.executors.all().map((v) => v.id),
    ]);
    const tallies = this.#tallies(document);
    return [...ids].sort().map((id) => this.#executorInfo(id, document, tallies.get(id) ?? emptyTally));
  }

  /** What each executor owns and has on the move, in one pass over all partitions. */
  #tallies(document: ClusterDocument | undefined): ReadonlyMap<string, Tally> {
    const tallies = new Map<string, { -readonly [K in keyof Tally]: Tally[K] }>();
    const of = (id: string) => {
      const tally = tallies.get(id) ?? { ...emptyTally };
      tallies.set(id, tally);
      return tally;
    };
    for (const table of Object.values(document?.accelerations ?? {})) {
      const set = table.partitions;
      for (let i = 0; i < set.count; i++) {
        const learners = set.learners(i);
        for (const learner of learners) of(learner).moving += 1;
        const owner = set.owner(i);
        if (owner === undefined) continue;
        const tally = of(owner);
        tally.partitions += 1;
        if (learners.length > 0) tally.moving += 1;
        const report = this.#options.executors.of(owner, table.table_name, set.key(i), set.epoch(i));
        if (report === undefined || report.version === 0) continue;
        tally.loaded += 1;
        tally.rows += report.rows;
        tally.bytes += report.bytes;
      }
    }
    return tallies;
  }

  #executorInfo(id: string, document: ClusterDocument | undefined, tally: Tally): ExecutorInfo {
    const quietMs = this.#options.silentForMs(id);
    const silent = quietMs === undefined || quietMs > silentAfterMs;
    return {
      id,
      state: silent ? "silent" : (document?.executors[id]?.state ?? "active"),
      ready: !silent && tally.loaded === tally.partitions,
      ...tally,
      ...(document?.executors[id]?.state === "draining" ? { drain: this.#options.drains.status(id) } : {}),
      lastHeartbeatMs: quietMs === undefined ? undefined : Math.round(this.#options.wallMs() - quietMs),
    };
  }

  /** What the owner says of a partition. */
  #reportOf(table: TableEntry, index: number) {
    const owner = table.partitions.owner(index);
    if (owner === undefined) return undefined;
    return this.#options.executors.of(
      owner,
      table.table_name,
      table.partitions.key(index),
      table.partitions.epoch(index),
    );
  }

  #partitionInfo(table: TableEntry, index: number): PartitionInfo {
    const set = table.partitions;
    const [owner, ...replicas] = set.holders(index);
    const report = this.#reportOf(table, index);
    const values = set.tuple(index);
    const loaded = report !== undefined && report.version > 0;
    return {
      value: Object.fromEntries(table.partition_expressions.map((e, i) => [e, values[i] ?? null])),
      owner,
      replicas,
      epoch: set.epoch(index),
      version: loaded ? report.version : undefined,
      state: owner === undefined ? "unassigned" : partitionState(report),
      rows: loaded ? report.rows : undefined,
      bytes: loaded ? report.bytes : undefined,
      lastRefreshMs: loaded && report.lastRefreshMs > 0 ? report.lastRefreshMs : undefined,
      lastSnapshotMs: undefined,
      error: report === undefined || report.error === "" ? undefined : report.error,
    };
  }

  /** Nothing until each partition was refreshed. */
  #freshness(table: TableEntry): { readonly freshMs?: number } {
    let freshMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < table.partitions.count; i++) {
      const report = this.#reportOf(table, i);
      if (report === undefined || report.version === 0 || report.lastRefreshMs === 0) return {};
      freshMs = Math.min(freshMs, report.lastRefreshMs);
    }
    return Number.isFinite(freshMs) ? { freshMs } : {};
  }

  #counts(table: TableEntry): PartitionCounts {
    const set = table.partitions;
    let loaded = 0;
    for (let i = 0; i < set.count; i++) {
      const report = this.#reportOf(table, i);
      if (report !== undefined && report.version > 0) loaded += 1;
    }
    return { total: set.count, assigned: set.count - set.unassignedCount(), loaded };
  }

  #datasetInfo(dataset: DescribedDataset): DatasetInfo {
    const table = this.#options.document()?.accelerations[dataset.fullName];
    const counts = table === undefined ? { total: 0, assigned: 0, loaded: 0 } : this.#counts(table);
    const infos =
      table === undefined
        ? []
        : Array.from({ length: table.partitions.count }, (_, i) => this.#partitionInfo(table, i));
    const told = this.#options.executors
      .all()
      .map((v) => v.tables.get(dataset.fullName))
      .filter((t) => t !== undefined);
    const message =
      this.#options.discoveryError(dataset.fullName) ??
      told.find((t) => t.error !== "")?.error ??
      infos.find((p) => p.error !== undefined)?.error;
    const refreshing = told.filter((t) => t.refreshing);
    const fresh = infos.map((p) => p.lastRefreshMs).filter((ms) => ms !== undefined);
    return {
      name: dataset.name,
      from: dataset.from,
      kind: dataset.kind,
      accelerationEnabled: dataset.acceleration !== undefined,
      replicationEnabled: false,
      engine: dataset.acceleration?.engine,
      refreshMode: dataset.acceleration?.refreshMode,
      partitionBy: dataset.acceleration?.partitionBy ?? [],
      status: datasetStatus(dataset, counts, message, refreshing.length > 0),
      error: message === undefined ? undefined : datasetError(message),
      freshMs: fresh.length > 0 ? Math.min(...fresh) : undefined,
      partitions: counts,
      rows: sum(infos.map((p) => p.rows)),
      bytes: sum(infos.map((p) => p.bytes)),
      progress: undefined,
    };
  }
}

type Tally = Pick<ExecutorInfo, "partitions" | "loaded" | "moving" | "rows" | "bytes">;

const emptyTally: Tally = { partitions: 0, loaded: 0, moving: 0, rows: 0, bytes: 0 };

function partitionState(report: { state: string; version: number } | undefined): PartitionInfo["state"] {
  if (report === undefined) return "assigned";
  if (report.version > 0) return "loaded";
  return report.state === "failed" ? "failed" : "loading";
}

function datasetStatus(
  dataset: DescribedDataset,
  counts: PartitionCounts,
  error: string | undefined,
  refreshing: boolean,
): ComponentStatus {
  if (dataset.acceleration === undefined) return "Ready";
  if (error !== undefined) return "Error";
  if (counts.total === 0 || counts.loaded < counts.total) return "Initializing";
  return refreshing ? "Refreshing" : "Ready";
}

function datasetError(message: string): DatasetError {
  return { category: "dataset", type: "AccelerationRefresh", code: "RefreshFailed", message };
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) : undefined;
}
