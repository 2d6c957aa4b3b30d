import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { SpicepodClusterStatus } from "./api/status.ts";
import { type ApiMetrics, apiMetrics } from "./api-metrics.ts";
import { clusterMetrics, labelsOf } from "./cluster-metrics.ts";
import { type RestartReason, restartReasons } from "./lifecycle/types.ts";

/** How a reconcile ended, as the label `result`. */
export type ReconcileResult = (typeof results)[number];
const results = ["done", "requeue", "blocked", "error"] as const;

/** What the operator measures of itself (spec chapter 10 names the units). */
export interface OperatorMetrics extends ApiMetrics {
  reconciled(result: ReconcileResult, ms: number): void;
  queueDepth(keys: number): void;
  /** A worker took a cluster that had waited for `ms`. */
  dequeued(ms: number): void;
  leader(isLeader: boolean): void;
  /** A pod was deleted, so that it comes back anew. */
  restarted(reason: RestartReason): void;
  /** The condition of a cluster whose status is True, by reason; called for every status that was seen. */
  paused(key: string, isPaused: boolean): void;
  /** A cluster as its status says. */
  cluster(key: string, status: SpicepodClusterStatus): void;
  forget(key: string): void;
  /** This process leads no more: nothing waits, and what is said of clusters is another's to say. */
  termEnded(): void;
}

/** Registers the operator's metrics, `spiceai_operator_…`; what has known labels is there from the start. */
export function operatorMetrics(registry: Registry): OperatorMetrics {
  const registers = [registry];
  const clusters = clusterMetrics(registry);
  const controller = "spicepodcluster";
  const total = new Counter({
    name: "spiceai_operator_reconcile_total",
    help: "Reconciles by result.",
    labelNames: ["controller", "result"],
    registers,
  });
  const duration = new Histogram({
    name: "spiceai_operator_reconcile_duration_seconds",
    help: "Seconds that reconciles took.",
    labelNames: ["controller"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const depth = new Gauge({
    name: "spiceai_operator_queue_depth",
    help: "Clusters that wait for a reconcile.",
    registers,
  });
  const latency = new Histogram({
    name: "spiceai_operator_queue_latency_seconds",
    help: "Seconds that clusters were due for a reconcile before a worker took them.",
    buckets: [0.005, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const leader = new Gauge({
    name: "spiceai_operator_leader",
    help: "1 while this process is the leader.",
    registers,
  });
  const restarts = new Counter({
    name: "spiceai_operator_pod_restarts_total",
    help: "Pods that the operator deleted so that they come back anew, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const pausedClusters = new Gauge({
    name: "spiceai_operator_cluster_paused",
    help: "1 for clusters whose condition Paused is True.",
    labelNames: ["namespace", "cluster"],
    registers,
  });
  // Exist from the start, so that rates begin at 0.
  for (const result of results) total.inc({ controller, result }, 0);
  duration.zero({ controller });
  for (const reason of restartReasons) restarts.inc({ reason }, 0);
  return {
    ...apiMetrics(registry),
    reconciled(result, ms) {
      total.inc({ controller, result });
      duration.observe({ controller }, ms / 1000);
    },
    queueDepth: (keys) => depth.set(keys),
    dequeued: (ms) => latency.observe(ms / 1000),
    leader: (isLeader) => leader.set(isLeader ? 1 : 0),
    restarted: (reason) => restarts.inc({ reason }),
    paused: (key, isPaused) => pausedClusters.set(labelsOf(key), isPaused ? 1 : 0),
    cluster: (key, status) => clusters.seen(key, status),
    forget: (key) => {
      pausedClusters.remove(labelsOf(key));
      clusters.forget(key);
    },
    termEnded() {
      depth.set(0);
      pausedClusters.reset();
      clusters.forgetAll();
    },
  };
}
