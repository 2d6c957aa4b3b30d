import { planExecutors } from "../plan-executors.ts";
import type {
  ClusterExecutor,
  ClusterView,
  ExecutorInput,
  ExecutorPlan,
  ObservedClaim,
  ObservedExecutor,
  ObservedPod,
  ObservedStatefulSet,
  WantedExecutors,
} from "../types.ts";

export const nowMs = 10_000_000;
export const staying = { whenScaled: "Retain", whenDeleted: "Retain" } as const;
export const leaving = { whenScaled: "Delete", whenDeleted: "Delete" } as const;

export const setOf = (more: Partial<ObservedStatefulSet> = {}): ObservedStatefulSet => ({
  uid: "set",
  replicas: 1,
  templateHash: "a",
  observed: true,
  drifted: false,
  retention: staying,
  deleting: false,
  ...more,
});
export const podOf = (index: number, more: Partial<ObservedPod> = {}): ObservedPod => ({
  name: `sales-executor-${index}-0`,
  uid: `pod-${index}`,
  ready: true,
  templateHash: "a",
  deleting: false,
  restarts: 0,
  createdMs: nowMs - 60_000,
  readyChangedMs: nowMs - 60_000,
  ...more,
});
export const claimOf = (more: Partial<ObservedClaim> = {}): ObservedClaim => ({
  template: "data",
  name: "data-sales-executor-0-0",
  uid: "claim",
  deleting: false,
  requestedBytes: 100,
  capacityBytes: 100,
  resizing: false,
  allowsExpansion: true,
  storageClass: "fast",
  ...more,
});
export const viewOf = (index: number, more: Partial<ClusterExecutor> = {}): ClusterExecutor => ({
  id: `e${index}`,
  index,
  instanceId: "1",
  state: "active",
  owned: 4,
  loaded: 4,
  moving: 0,
  ...more,
});
export const drained = {
  state: "draining",
  owned: 0,
  loaded: 0,
  drain: { state: "DRAINED", remaining: 0 },
} as const;
export const known = (...executors: readonly ClusterExecutor[]): ClusterView => ({
  kind: "known",
  revision: 1,
  appGeneration: 1,
  executors,
  partitions: { total: 8, assigned: 8, loaded: 8 },
  tables: [],
});
export const executor = (index: number, more: Partial<ObservedExecutor> = {}): ObservedExecutor => ({
  statefulSet: setOf(),
  pod: podOf(index),
  claims: [],
  ...more,
});

/** Two executors as they shall be, but for what is given. */
export function plan(
  more: Partial<Omit<ExecutorInput, "wanted" | "executors">> & {
    readonly wanted?: Partial<WantedExecutors> & { readonly template?: string };
    readonly executors?: readonly ObservedExecutor[];
  } = {},
): ExecutorPlan {
  const { wanted: { template = "a", ...wanted } = {}, executors, ...rest } = more;
  const replicas = wanted.replicas ?? 2;
  return planExecutors({
    nowMs,
    generation: 3,
    crashLoopThreshold: 10,
    schedulers: [podOf(9)],
    cluster: known(viewOf(0), viewOf(1)),
    ...rest,
    wanted: {
      replicas,
      paused: false,
      strategy: { type: "RollingOrdered", maxUnavailable: 1 },
      templateHashes: new Map(Array.from({ length: replicas }, (_, i) => [i, template])),
      claims: [{ template: "data", request: "100", bytes: 100 }],
      retention: { whenScaled: "Delete", whenDeleted: "Retain" },
      ...wanted,
    },
    executors: new Map((executors ?? [executor(0), executor(1)]).entries()),
  });
}

export const said = ({ conditions }: ExecutorPlan) =>
  conditions.map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`);
export const kinds = ({ actions }: ExecutorPlan) =>
  actions.map((a) => `${a.kind} ${"index" in a ? (a.index ?? "scheduler") : ""}`.trim());
