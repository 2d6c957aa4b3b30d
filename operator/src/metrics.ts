import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** How a reconcile ended, as the label `result`. */
export type ReconcileResult = "done" | "requeue" | "blocked" | "error";

/** What the operator measures of itself (spec chapter 10 names the units). */
export interface OperatorMetrics {
  reconciled(result: ReconcileResult, ms: number): void;
  queueDepth(keys: number): void;
  /** One attempt that the API server answered or that failed (code 0). */
  apiRequest(request: { readonly method: string; readonly path: string; readonly code: number }): void;
  leader(isLeader: boolean): void;
  /** The condition of a cluster whose status is True, by reason; called for every status that was seen. */
  paused(key: string, isPaused: boolean): void;
  forget(key: string): void;
}

/** Registers the operator's metrics, `spice_operator_…`. */
export function operatorMetrics(registry: Registry): OperatorMetrics {
  const registers = [registry];
  const total = new Counter({
    name: "spice_operator_reconcile_total",
    help: "Reconciles by result.",
    labelNames: ["result"],
    registers,
  });
  const duration = new Histogram({
    name: "spice_operator_reconcile_duration_seconds",
    help: "Seconds that reconciles took.",
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const depth = new Gauge({
    name: "spice_operator_queue_depth",
    help: "Clusters that wait for a reconcile.",
    registers,
  });
  const requests = new Counter({
    name: "spice_operator_api_requests_total",
    help: "Requests to the API server by verb, resource and HTTP status code (0: no answer).",
    labelNames: ["verb", "resource", "code"],
    registers,
  });
  const leader = new Gauge({
    name: "spice_operator_leader",
    help: "1 while this process is the leader.",
    registers,
  });
  const pausedClusters = new Gauge({
    name: "spice_operator_cluster_paused",
    help: "1 for clusters whose condition Paused is True.",
    labelNames: ["namespace", "name"],
    registers,
  });
  return {
    reconciled(result, ms) {
      total.inc({ result });
      duration.observe(ms / 1000);
    },
    queueDepth: (keys) => depth.set(keys),
    apiRequest: ({ method, path, code }) =>
      requests.inc({ verb: method, resource: resourceOf(path), code: String(code) }),
    leader: (isLeader) => leader.set(isLeader ? 1 : 0),
    paused: (key, isPaused) => pausedClusters.set(labelsOf(key), isPaused ? 1 : 0),
    forget: (key) => pausedClusters.remove(labelsOf(key)),
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
