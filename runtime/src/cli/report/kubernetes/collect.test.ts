import { beforeEach, describe, expect, test } from "@jest/globals";
import { createRoot } from "@spice-shards/certificates";
import { Client, type KubeObject, systemClock, systemRandom } from "@spice-shards/kube";
import { FakeApiServer } from "@spice-shards/kube/testing";
import fc from "fast-check";
import { Bundle } from "../bundle.ts";
import type { Sink } from "../sink.ts";
import { collectKubernetes } from "./collect.ts";

/** A bundle in memory. */
class MemorySink implements Sink {
  readonly place = "memory";
  readonly files = new Map<string, string>();
  async file(path: string, content: string): Promise<void> {
    this.files.set(path, content);
  }
  async close(): Promise<void> {}
  async discard(): Promise<void> {
    this.files.clear();
  }
  json<T>(path: string): T {
    return JSON.parse(this.files.get(path) ?? "null") as T;
  }
}

interface Manifest {
  readonly not_collected: { what: string; reason: string }[];
  readonly collected: { path: string; note?: string }[];
  readonly notes: string[];
}

type Body = KubeObject & Record<string, unknown>;

const base64 = (text: string) => Buffer.from(text).toString("base64");
const labels = { "spice.ai/cluster": "sales" };
const of = (kind: string, name: string, more: Record<string, unknown> = {}): Body => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace: "data", labels },
  ...more,
});

/** A cluster with one scheduler and one executor, and the secrets of `plant` wherever clusters have some. */
async function plantedServer(plant: (name: string) => string): Promise<FakeApiServer> {
  const server = new FakeApiServer();
  const put = (collection: string, object: Body) => server.store.put(collection, object);
  const root = await createRoot("sales", { nowMs: Date.UTC(2026, 0, 1), validMs: 86_400_000 });
  server.paths.set("/version", { gitVersion: "v1.34.0" });
  put("spice.ai/spicepodclusters", {
    ...of("SpicepodCluster", "sales", {
      spec: { schedulerSpec: { spicepod: { datasets: [{ params: { pg_pass: plant("spec") } }] } } },
      status: {
        conditions: [{ type: "Ready", status: "False", reason: "ExecutorsNotReady", message: "0 of 1" }],
      },
    }),
    apiVersion: "spice.ai/v2",
  });
  const spicepod = `datasets:\n  - from: postgres:sales\n    params:\n      pg_pass: ${plant("configMap")}\n`;
  put("/configmaps", of("ConfigMap", "sales-spicepod", { data: { "spicepod.yaml": spicepod } }));
  put(
    "/secrets",
    of("Secret", "sales-ca", { data: { "tls.crt": base64(root.certificate), "tls.key": base64(root.key) } }),
  );
  put("/secrets", {
    ...of("Secret", "postgres", { data: { user: base64("analyst"), word: base64(`${plant("secret")}\n`) } }),
    metadata: { name: "postgres", namespace: "data" },
  });
  const env = [
    { name: "PG_PASS", value: plant("env") },
    { name: "PG_WORD", valueFrom: { secretKeyRef: { name: "postgres", key: "word" } } },
    { name: "GONE", valueFrom: { secretKeyRef: { name: "missing", key: "word" } } },
  ];
  const ports = [
    { name: "http", containerPort: 8090 },
    { name: "metrics", containerPort: 9090 },
  ];
  for (const role of ["scheduler", "executor"]) {
    const name = `sales-${role}-0`;
    const pod = of("Pod", name, {
      spec: {
        nodeName: "host-1",
        containers: [{ name: "spiced", env, ports, args: ["--token", plant("args")] }],
      },
      status: {
        phase: "Running",
        podIP: "10.0.0.1",
        containerStatuses: [{ name: "spiced", ready: false, restartCount: role === "executor" ? 3 : 0 }],
      },
    });
    put("/pods", {
      ...pod,
      metadata: { ...pod.metadata, labels: { ...labels, "spice.ai/cluster-role": role } },
    });
  }
  put("/events", {
    ...of("Event", "sales.1", { involvedObject: { name: "sales-executor-0" } }),
    message: `login with ${plant("secret")} failed`,
  });
  put("/events", of("Event", "other.1", { involvedObject: { name: "other" }, message: "not ours" }));
  const operator = of("Pod", "spiceai-operator-1", { spec: { containers: [{ name: "operator" }] } });
  put("/pods", {
    ...operator,
    metadata: {
      ...operator.metadata,
      namespace: "spice-system",
      labels: { "app.kubernetes.io/name": "spiceai-operator" },
    },
  });
  server.texts = ({ path, query }) => {
    if (path.endsWith("/log")) {
      const which = query.get("previous") === "true" ? "previous" : "present";
      return `a ${which} line\n{"password":"${plant("log")}"}\nsaid ${plant("secret")}\n${root.key}`;
    }
    const proxied = /proxy(\/.*)$/.exec(path)?.[1];
    if (proxied === "/metrics") return "node_tasks_active 0\n";
    if (proxied === "/v1/cluster") return JSON.stringify({ revision: 7, executors: [] });
    if (proxied === "/v1/status") return JSON.stringify([{ name: "http", status: "Ready" }]);
    if (proxied === "/v1/datasets")
      return JSON.stringify([{ name: "orders", from: `postgres://me:${plant("url")}@db/x` }]);
    return proxied === undefined ? undefined : JSON.stringify([]);
  };
  return server;
}

const collect = async (server: FakeApiServer, more: { cluster?: string; selector?: string } = {}) => {
  const sink = new MemorySink();
  const bundle = new Bundle(sink);
  const client = new Client({ transport: server.transport(), clock: systemClock, random: systemRandom });
  await collectKubernetes(bundle, {
    ...{ client, namespace: "data", cluster: "sales", logLines: 500 },
    signal: new AbortController().signal,
    ...more,
  });
  await bundle.finish({ cluster: "sales" });
  return { sink, manifest: sink.json<Manifest>("manifest.json") };
};

describe("a bundle of a cluster on Kubernetes", () => {
  let server: FakeApiServer;
  beforeEach(async () => {
    server = await plantedServer((name) => `pl4nt-${name}`);
  });

  test("has objects, events, logs, what nodes say, the operator, and a summary", async () => {
    const { sink, manifest } = await collect(server);
    expect([...sink.files.keys()].filter((path) => !path.startsWith("objects/")).sort()).toEqual([
      "events.json",
      "logs/sales-executor-0/spiced.log",
      "logs/sales-executor-0/spiced.previous.log",
      "logs/sales-scheduler-0/spiced.log",
      "manifest.json",
      ...["metrics.txt", "ready-node.txt", "ready.txt", "status.json"].map(
        (f) => `nodes/sales-executor-0/${f}`,
      ),
      "nodes/sales-scheduler-0/cluster.json",
      "nodes/sales-scheduler-0/datasets.json",
      "nodes/sales-scheduler-0/metrics.txt",
      "nodes/sales-scheduler-0/partitions/orders.json",
      ...["ready-node.txt", "ready.txt", "status.json"].map((f) => `nodes/sales-scheduler-0/${f}`),
      "operator/spiceai-operator-1/metrics.txt",
      "operator/spiceai-operator-1/operator.log",
      "operator/spiceai-operator-1/pod.json",
      "secrets/postgres.json",
      "secrets/sales-ca.json",
      "summary.txt",
      "versions.json",
    ]);
    expect(sink.files.has("objects/SpicepodCluster/sales.json")).toBe(true);
    expect(sink.files.get("logs/sales-executor-0/spiced.previous.log")).toMatch(/^a previous line\n/);
    expect(sink.json<unknown[]>("events.json")).toHaveLength(1);
    expect(sink.json<object>("nodes/sales-scheduler-0/cluster.json")).toMatchObject({ revision: 7 });
    expect(sink.files.get("summary.txt")).toMatch(/ExecutorsNotReady[\s\S]*sales-executor-0[\s\S]*missing/);
    expect(manifest.not_collected).toEqual([
      { what: "secrets/missing", reason: "It is mentioned, and not there" },
    ]);
  });

  test("tells names, keys and certificates of Secrets", async () => {
    const { sink } = await collect(server);
    expect(sink.json<object>("secrets/sales-ca.json")).toMatchObject({
      keys: ["tls.crt", "tls.key"],
      certificates: [{ key: "tls.crt", certificates: [{ subject: "CN=sales" }] }],
    });
    expect(sink.json<object>("secrets/postgres.json")).toMatchObject({
      keys: ["user", "word"],
      certificates: [],
    });
  });

  test("holds no secret, whatever it is and wherever it stands", async () => {
    const value = fc.stringMatching(/^[A-Za-z0-9+/=_.~!*-]{8,24}$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(value, { minLength: 8, maxLength: 8 }), async (values) => {
        const planted = new Map<string, string>();
        const planting = await plantedServer((name) => {
          if (!planted.has(name)) planted.set(name, `pl4nt${values[planted.size] ?? name}`);
          const word = planted.get(name) ?? "";
          return name === "url" ? encodeURIComponent(word) : word;
        });
        const { sink } = await collect(planting);
        const all = [...sink.files.values()].join("\n");
        expect(planted.size).toBeGreaterThan(6);
        for (const word of planted.values()) {
          for (const spelling of [word, encodeURIComponent(word), base64(word)])
            expect(all).not.toContain(spelling);
        }
        expect(all).not.toContain("analyst");
        expect(all).not.toMatch(/PRIVATE KEY/);
      }),
      { numRuns: 15 },
    );
  });

  test("says what could not be read, and goes on", async () => {
    server.fault = ({ path, query }) => {
      if (path.endsWith("/configmaps"))
        return { code: 403, body: { reason: "Forbidden", message: "no rights" } };
      if (query.get("previous") === "true")
        return { code: 400, body: { reason: "BadRequest", message: "no log" } };
      return path.includes("proxy")
        ? { code: 503, body: { reason: "ServiceUnavailable", message: "no way" } }
        : undefined;
    };
    const { sink, manifest } = await collect(server);
    expect(sink.files.has("logs/sales-scheduler-0/spiced.log")).toBe(true);
    const reasons = Object.fromEntries(manifest.not_collected.map(({ what, reason }) => [what, reason]));
    expect(reasons).toMatchObject({
      "objects/ConfigMap": expect.stringContaining("no rights"),
      "logs/sales-executor-0/spiced.previous.log": expect.stringContaining("no log"),
      "nodes/sales-scheduler-0/ready-node.txt": expect.stringContaining(
        "The API server could not ask the pod",
      ),
    });
  });

  test("is refused for a cluster that is not there, by name", async () => {
    await expect(collect(server, { cluster: "nope" })).rejects.toThrow(
      "Nothing of nope was found in the namespace data. There are: sales",
    );
    await expect(collect(server, { selector: "app=nope" })).rejects.toThrow(
      /No object has the labels app=nope/,
    );
  });

  test("is made of labels where there is no operator", async () => {
    const { sink, manifest } = await collect(server, { cluster: "x", selector: "spice.ai/cluster=sales" });
    expect(sink.files.has("nodes/sales-scheduler-0/cluster.json")).toBe(true);
    expect(manifest.collected.some(({ path }) => /SpicepodCluster|operator/.test(path))).toBe(false);
  });
});
