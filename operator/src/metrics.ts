import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { SpicepodClusterStatus } from "./api/status.ts";
import { clusterMetrics } from "./cluster-metrics.ts";

/** How a reconcile ended, as the label `result`. */
export type ReconcileResult = (typeof results)[number];
const results = ["done", "requeue", "blocked", "error"] as const;

/** What the operator measures of itself (spec chapter 10 names the units). */
export interface OperatorMetrics {
  reconciled(result: ReconcileResult, ms: number): void;
  queueDepth(keys: number): void;
  /** One attempt that the API server answered or that failed (code 0). */
  apiRequest(request: { readonly method: string; readonly path: string; readonly code: number }): void;
  leader(isLeader: boolean): void;
  /** The condition of a cluster whose status is True, by reason; called for every status that was seen. */
  paused(key: string, isPaused: boolean): void;
  /** A cluster as its status says. */
  cluster(key: string, status: SpicepodClusterStatus): void;
  forget(key: string): void;
}

/** Registers the operator's metrics, `spiceai_operator_…`. */
export function operatorMetrics(registry: Registry): OperatorMetrics {
  const registers = [registry];
  const clusters = clusterMetrics(registry);
  // Exist from the start, so that rates begin at 0.
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
  const requests = new Counter({
    name: "spiceai_operator_api_requests_total",
    help: "Requests to the API server by verb, resource and HTTP status code (0: no answer).",
    labelNames: ["verb", "resource", "code"],
    registers,
  });
  const leader = new Gauge({
    name: "spiceai_operator_leader",
    help: "1 while this process is the leader.",
    registers,
  });
  const pausedClusters = new Gauge({
    name: "spiceai_operator_cluster_paused",
    help: "1 for clusters whose condition Paused is True.",
    labelNames: ["namespace", "name"],
    registers,
  });
  for (const result of results) total.inc({ controller, result }, 0);
  return {
    reconciled(result, ms) {
      total.inc({ controller, result });
      duration.observe({ controller }, ms / 1000);
    },
    queueDepth: (keys) => depth.set(keys),
    apiRequest: ({ method, path, code }) =>
      requests.inc({ verb: method, resource: resourceOf(path), code: String(code) }),
    leader: (isLeader) => leader.set(isLeader ? 1 : 0),
    paused: (key, isPaused) => pausedClusters.set(labelsOf(key), isPaused ? 1 : 0),
    cluster: (key, status) => clusters.seen(key, status),
    forget: (key) => {
      pausedClusters.remove(labelsOf(key));
      clusters.forget(key);
    },
  };
}

function labelsOf(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The plural of a request's path; names of objects are no labels. */
function resourceOf(path: string): string {
  const [plain = ""] = path.split("?");
  const match =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/[^/]+(\/[^/]+)?)?$/.exec(plain);
  return match === null ? "other" : `${match[1]}${match[2] ?? ""}`;
}
