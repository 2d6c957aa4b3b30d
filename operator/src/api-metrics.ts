import type { WatchEnd } from "@spice-shards/kube";
import { Counter, Histogram, type Registry } from "prom-client";
import { types, watchedChildren } from "./reconcile/cache/resource-types.ts";

/** One attempt that the API server answered, or that failed (code 0), with the time until the head of its answer. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly code: number;
  readonly ms: number;
}

/** What the operator measures of its talk with the API server. */
export interface ApiMetrics {
  apiRequest(request: ApiRequest): void;
  /** A watch of `resource`, the plural of a kind that {@link watchedResources} has, ended. */
  watchEnded(resource: string, why: WatchEnd): void;
}

const watchEnds: readonly WatchEnd[] = ["closed", "expired", "idle", "failed"];
const watchedResources = [types.cluster, ...watchedChildren.map((name) => types[name])].map(
  ({ plural }) => plural,
);

/**
 * Registers `spiceai_operator_api_…` and `spiceai_operator_watch_…`. Their labels are bounded: verbs, kinds that the
 * operator knows, and codes, never names of objects.
 */
export function apiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry];
  const labelNames = ["verb", "resource", "code"] as const;
  const requests = new Counter({
    name: "spiceai_operator_api_requests_total",
    help: "Requests to the API server by verb, resource and HTTP status code (0: no answer).",
    labelNames,
    registers,
  });
  const durations = new Histogram({
    name: "spiceai_operator_api_request_duration_seconds",
    help: "Seconds until the API server answered, without what the operator itself held a request back.",
    labelNames,
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const restarts = new Counter({
    name: "spiceai_operator_watch_restarts_total",
    help: "Watches that ended and began again, by resource and by why they ended.",
    labelNames: ["resource", "reason"],
    registers,
  });
  for (const resource of watchedResources)
    for (const reason of watchEnds) restarts.inc({ resource, reason }, 0);
  return {
    apiRequest({ method, path, code, ms }) {
      const labels = { ...askedOf(method, path), code: String(code) };
      requests.inc(labels);
      durations.observe(labels, ms / 1000);
    },
    watchEnded: (resource, reason) => restarts.inc({ resource, reason }),
  };
}

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What a request asks for, in the words of Kubernetes' own metrics; `other` for what is no resource. */
function askedOf(method: string, path: string): { readonly verb: string; readonly resource: string } {
  const [plain = "", query] = path.split("?");
  const match =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/([^/]+)(\/[^/]+)?)?$/.exec(
      plain,
    );
  if (match === null) return { verb: verbs[method] ?? "get", resource: "other" };
  const [, plural = "", name, subresource = ""] = match;
  const read = name !== undefined ? "get" : new URLSearchParams(query).has("watch") ? "watch" : "list";
  return { verb: verbs[method] ?? read, resource: plural + subresource };
}
