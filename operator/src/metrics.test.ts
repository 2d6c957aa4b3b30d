import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { operatorMetrics } from "./metrics.ts";
import { reviewMetrics } from "./webhook/review-metrics.ts";

function setUp() {
  const registry = new Registry();
  const metrics = operatorMetrics(registry);
  reviewMetrics(registry);
  const lines = async (name: string) =>
    (await registry.metrics()).split("\n").filter((line) => new RegExp(`^${name}[ {]`).test(line));
  return { registry, metrics, lines };
}

test("what has known labels is at zero from the start", async () => {
  const { registry, lines } = setUp();
  const perCluster = /^spiceai_operator_cluster_/;
  // Which requests there will be, and how they will be answered, is not known.
  const perRequest = /^spiceai_operator_api_/;
  for (const { name, type } of await registry.getMetricsAsJSON()) {
    const suffix = String(type) === "histogram" ? "_count" : "";
    const present = await lines(`${name}${suffix}`);
    if (perCluster.test(name) || perRequest.test(name)) expect(present).toEqual([]);
    else
      expect([name, present.length > 0 && present.every((line) => line.endsWith(" 0"))]).toEqual([
        name,
        true,
      ]);
  }
  expect(await lines("spiceai_operator_pod_restarts_total")).toEqual([
    'spiceai_operator_pod_restarts_total{reason="RollingOut"} 0',
    'spiceai_operator_pod_restarts_total{reason="CrashLooping"} 0',
  ]);
  const watches = await lines("spiceai_operator_watch_restarts_total");
  expect(watches).toContain('spiceai_operator_watch_restarts_total{resource="pods",reason="idle"} 0');
  expect(watches).toContain(
    'spiceai_operator_watch_restarts_total{resource="spicepodclusters",reason="failed"} 0',
  );
});

test.each([
  ["GET", "/api/v1/namespaces/data/pods/a?x=y", "get", "pods"],
  ["GET", "/api/v1/pods?limit=100", "list", "pods"],
  ["GET", "/api/v1/namespaces/data/pods?watch=true&resourceVersion=7", "watch", "pods"],
  ["GET", "/apis/spice.ai/v2/spicepodclusters", "list", "spicepodclusters"],
  [
    "PATCH",
    "/apis/spice.ai/v2/namespaces/d/spicepodclusters/s/status?force=true",
    "patch",
    "spicepodclusters/status",
  ],
  ["POST", "/api/v1/namespaces/data/secrets", "create", "secrets"],
  ["PUT", "/apis/coordination.k8s.io/v1/namespaces/ops/leases/l", "update", "leases"],
  ["DELETE", "/api/v1/namespaces/data/pods/a", "delete", "pods"],
  ["GET", "/api/v1/namespaces/data", "get", "namespaces"],
  ["GET", "/apis/apps/v1", "get", "other"],
  ["GET", "/version", "get", "other"],
])("%s %s counts as %s of %s", async (method, path, verb, resource) => {
  const { metrics, lines } = setUp();
  metrics.apiRequest({ method, path, code: 200, ms: 40 });
  const labels = `verb="${verb}",resource="${resource}",code="200"`;
  expect(await lines("spiceai_operator_api_requests_total")).toEqual([
    `spiceai_operator_api_requests_total{${labels}} 1`,
  ]);
  expect(await lines("spiceai_operator_api_request_duration_seconds_sum")).toEqual([
    `spiceai_operator_api_request_duration_seconds_sum{${labels}} 0.04`,
  ]);
  const buckets = await lines("spiceai_operator_api_request_duration_seconds_bucket");
  expect(buckets[1]).toMatch(/le="0\.025".* 0$/);
  expect(buckets[2]).toMatch(/le="0\.1".* 1$/);
});

test("a process that leads no more says nothing of clusters, and that nothing waits", async () => {
  const { metrics, lines } = setUp();
  metrics.queueDepth(4);
  metrics.dequeued(1500);
  metrics.restarted("RollingOut");
  metrics.paused("data/sales", true);
  metrics.cluster("data/sales", { certificates: { rootCertificateExpiresAt: "2040-01-01T00:00:00Z" } });
  expect(await lines("spiceai_operator_cluster_\\w+")).not.toEqual([]);
  metrics.termEnded();
  expect(await lines("spiceai_operator_cluster_\\w+")).toEqual([]);
  expect(await lines("spiceai_operator_queue_depth")).toEqual(["spiceai_operator_queue_depth 0"]);
  // What has happened stays.
  expect(await lines("spiceai_operator_queue_latency_seconds_sum")).toEqual([
    "spiceai_operator_queue_latency_seconds_sum 1.5",
  ]);
  expect(await lines("spiceai_operator_pod_restarts_total")).toContain(
    'spiceai_operator_pod_restarts_total{reason="RollingOut"} 1',
  );
});

test("docs/operator.md has every metric with its labels and its kind, and no other", () => {
  const { registry } = setUp();
  const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operator.md"), "utf8");
  const documented = [...text.matchAll(/^\| `(spiceai_operator_\w+)(?:\{([^}]*)\})?` \| (\w+) \|/gm)].map(
    ([, name, labels = "", kind]) => [name, labels, kind],
  );
  const exported = registry.getMetricsAsArray().map((each) => {
    const { labelNames } = each as never as { readonly labelNames: readonly string[] };
    return [each.name, labelNames.join(","), each.constructor.name.toLowerCase()];
  });
  expect(documented.toSorted()).toEqual(exported.toSorted());
});
