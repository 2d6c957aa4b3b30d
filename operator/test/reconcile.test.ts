import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import type { DeploymentObject, SecretObject, StatefulSetObject } from "../src/reconcile/objects.ts";
import { clusters, key, specOf, World } from "./support/world.ts";

let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

async function running(body = specOf()): Promise<void> {
  world.create(body);
  await world.rest();
  expect(world.condition("Ready")).toMatchObject({ status: "True", reason: "AsExpected" });
}

/** Every object that the operator made, by collection. */
function children(): readonly (readonly [collection: string, name: string])[] {
  const collections = [
    "/configmaps",
    "/services",
    "apps/deployments",
    "apps/statefulsets",
    "policy/poddisruptionbudgets",
    "/serviceaccounts",
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/rolebindings",
    "networking.k8s.io/networkpolicies",
    "/secrets",
  ];
  return collections.flatMap((collection) =>
    world.api.store.list(collection).map(({ metadata }) => [collection, metadata.name ?? ""] as const),
  );
}

function rich() {
  const body = specOf() as { executorSpec: object; schedulerSpec: object };
  const account = { serviceAccount: { enabled: true, create: true } };
  return {
    schedulerSpec: { ...body.schedulerSpec, ...account, network: { ingress: [{}] } },
    executorSpec: { ...body.executorSpec, ...account },
  } as never;
}

test("a new cluster becomes ready, and then nothing is written", async () => {
  await running();
  expect(children().map(([, name]) => name)).toEqual([
    "sales-spicepod",
    "sales",
    "sales-executor",
    "sales-scheduler",
    "sales-scheduler",
    "sales-executor-0",
    "sales-executor-1",
    "sales-executor",
    "sales-scheduler",
    "sales-ca",
    "sales-executor-0-tls",
    "sales-executor-1-tls",
    "sales-scheduler-tls",
  ]);
  expect(world.status()).toMatchObject({
    observedGeneration: 1,
    schedulers: { ready: 2, total: 2 },
    executors: { ready: 2, total: 2 },
    partitions: { total: 6, assigned: 6, loaded: 6 },
    summary: { schedulers: "2/2", executors: "2/2", partitions: "6/6", datasets: "1/1" },
    certificates: { rootCertificateReady: true, rootCertificateSecretName: "sales-ca" },
  });
  const conditions = world.status().conditions ?? [];
  expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
    Ready: "True",
    Progressing: "False",
    Degraded: "False",
    Paused: "False",
    CertificatesReady: "True",
    ConfigValid: "True",
    Balanced: "True",
  });
  const before = world.api.requests.length;
  const { result } = await world.operator.reconcile(key);
  expect(result).toBe("done");
  expect(world.api.requests.slice(before)).toEqual([]);
  // Another process ends in the same state.
  await world.restart();
  const second = world.api.requests.length;
  expect((await world.operator.reconcile(key)).result).toBe("done");
  expect(world.writes(second)).toEqual([]);
  expect(world.operator.events).toEqual([]);
});

test("the first pass over a cluster reads nothing, and what it writes is what a cluster needs", async () => {
  world.create({ schedulerSpec: { spicepod: { datasets: [] } }, executorSpec: { replicas: 1 } });
  await world.flush();
  const from = world.api.requests.length;
  await world.rest();
  const seen = world.api.requests.slice(from).filter(({ query }) => !query.has("watch"));
  // Which kinds the API server has is asked once in a while for all clusters.
  const isDiscovery = (path: string) => /^\/apis\/[^/]+\/v1$/.test(path);
  expect(seen.filter(({ method, path }) => method === "GET" && !isDiscovery(path))).toEqual([]);
  const children = seen.filter(({ path }) => !path.includes("spicepodclusters"));
  expect(children.filter(({ method }) => method !== "GET")).toHaveLength(11);
  const finalizers = seen.filter(({ method, path }) => method === "PATCH" && path.endsWith("clusters/sales"));
  expect(finalizers).toHaveLength(1);
});

test("a root that outlived an earlier cluster of the name is not overwritten", async () => {
  await running();
  const root = world.get<SecretObject>("/secrets", "data/sales-ca");
  const { ownerReferences: _, ...metadata } = root.metadata;
  await world.stop();
  world = new World();
  world.api.store.put("/secrets", { ...root, metadata } as SecretObject);
  await running();
  const after = world.get<SecretObject>("/secrets", "data/sales-ca");
  expect(after.data?.["tls.crt"]).toBe(root.data?.["tls.crt"]);
  expect(world.condition("CertificatesReady")).toMatchObject({ reason: "CertificatesIssued" });
  expect(world.admin.untrusted()).toEqual([]);
});

test("no key leaves the Secrets", async () => {
  await running();
  world.edit((cluster) => ({
    metadata: {
      ...cluster.metadata,
      annotations: { "spice.ai/renew-certificates": "1", "spice.ai/rotate-root": "1" },
    },
  }));
  await world.rest();
  const { store } = world.api;
  const keys = store
    .list("/secrets")
    .map((secret) => (secret as { data?: Record<string, string> }).data?.["tls.key"] ?? "");
  expect(keys).toHaveLength(4);
  const said = JSON.stringify([
    world.operator.logged,
    world.operator.events,
    [clusters, "/configmaps", "apps/deployments", "apps/statefulsets"].map((each) => store.list(each)),
  ]);
  expect(said).not.toContain("PRIVATE");
  for (const each of keys) expect(said).not.toContain(each.slice(40, 120));
  expect(world.api.requests.some(({ path }) => /\/secrets$/.test(path) && path.includes("watch"))).toBe(
    false,
  );
});

test("an upgrade begins with one executor and ends with the schedulers", async () => {
  await running();
  const before = world.api.requests.length;
  world.edit(({ spec }) => ({ spec: { ...spec, image: { tag: "2.0.0" } } }));
  await world.rest();
  const images = ["apps/deployments", "apps/statefulsets"]
    .flatMap((each) => world.api.store.list(each) as DeploymentObject[])
    .map(({ spec }) => JSON.stringify(spec.template).match(/spiced:[0-9.]+/)?.[0]);
  expect(images).toEqual(["spiced:2.0.0", "spiced:2.0.0", "spiced:2.0.0"]);
  const order = world
    .writes(before)
    .filter(({ body }) => body.includes("spiced:2.0.0"))
    .map(({ path }) => path.split("/").at(-1));
  expect([...new Set(order)]).toEqual(["sales-executor-1", "sales-executor-0", "sales-scheduler"]);
  expect(world.admin.draining.size).toBe(0);
  expect(world.operator.restarts).toEqual(["RollingOut", "RollingOut"]);
  expect(world.condition("Ready")?.observedGeneration).toBe(2);
});

test("executors come and go", async () => {
  await running();
  const scale = (replicas: number) =>
    world.edit(({ spec }) => ({ spec: { ...spec, executorSpec: { replicas } } }));
  scale(3);
  await world.rest();
  expect(world.status().executors).toEqual({ ready: 3, total: 3 });
  scale(1);
  await world.rest();
  expect(world.status().executors).toEqual({ ready: 1, total: 1 });
  expect(children().map(([, name]) => name)).not.toContain("sales-executor-2-tls");
  expect(world.api.store.list("apps/statefulsets").map(({ metadata }) => metadata.name)).toEqual([
    "sales-executor-0",
  ]);
  scale(0);
  await world.rest();
  expect(world.condition("Paused")).toMatchObject({ status: "True", reason: "NoExecutors" });
  expect(world.condition("Ready")).toMatchObject({ status: "False", reason: "NoExecutors" });
  scale(1);
  await world.rest();
  expect(world.condition("Ready")?.status).toBe("True");
});

test("a changed spicepod gets the next generation, also when its ConfigMap is lost", async () => {
  await running();
  const generation = () =>
    world.get("/configmaps", "data/sales-spicepod").metadata.annotations?.["spice.ai/spicepod-generation"];
  expect(generation()).toBe("1");
  world.edit(({ spec }) => ({
    spec: JSON.parse(JSON.stringify(spec).replace("bucket(6, id)", "bucket(12, id)")),
  }));
  await world.rest();
  expect(generation()).toBe("2");
  world.api.store.delete("/configmaps", "data/sales-spicepod");
  await world.rest();
  expect(generation()).toBe("2");
});

test("what schedulers have not taken over is progress", async () => {
  await running();
  world.admin.appGeneration = 0;
  // The schedulers of a cluster at rest are asked about once a minute.
  await world.clock.advance(66_000);
  await world.rest();
  expect(world.condition("Progressing")).toMatchObject({
    status: "True",
    message: "The schedulers have not taken over generation 1 of the spicepod yet.",
  });
  expect(world.condition("Reconciling")?.status).toBe("True");
  world.admin.appGeneration = undefined;
  await world.rest();
  expect(world.condition("Reconciling")).toBeUndefined();
});

describe("drift", () => {
  test("every child that somebody deletes comes back", async () => {
    await running(rich());
    const all = children();
    expect(all).toHaveLength(20);
    for (const [collection, name] of all) {
      world.api.store.delete(collection, `data/${name}`);
      // Secrets are read at resync.
      if (collection === "/secrets") await world.clock.advance(600_000);
      await world.rest();
      expect(world.api.store.get(collection, `data/${name}`)).toBeDefined();
      expect(world.condition("Ready")?.status).toBe("True");
    }
    expect(world.admin.untrusted()).toEqual([]);
  });

  test("every child that somebody edits is as it was", async () => {
    await running(rich());
    for (const [collection, name] of children()) {
      const before = world.get<KubeObject>(collection, `data/${name}`);
      const { "app.kubernetes.io/name": _, ...labels } = before.metadata.labels ?? {};
      world.api.store.put(collection, { ...before, metadata: { ...before.metadata, labels } });
      await world.clock.advance(600_000);
      await world.rest();
      const after = world.get(collection, `data/${name}`);
      expect(after.metadata.labels).toEqual(before.metadata.labels);
      const from = world.api.requests.length;
      await world.operator.reconcile();
      expect(world.writes(from)).toEqual([]);
    }
  });

  test("a template that somebody edits is repaired without a restart", async () => {
    await running();
    const set = world.get<StatefulSetObject>("apps/statefulsets", "data/sales-executor-0");
    const template = JSON.parse(JSON.stringify(set.spec.template).replace("spiced:0.1.0", "spiced:6.6.6"));
    expect(template).not.toEqual(set.spec.template);
    world.api.store.put("apps/statefulsets", { ...set, spec: { ...set.spec, template } } as KubeObject);
    const pods = world.api.store.list("/pods").map(({ metadata }) => metadata.uid);
    await world.rest();
    expect(world.get<StatefulSetObject>("apps/statefulsets", "data/sales-executor-0").spec).toEqual(set.spec);
    expect(world.api.store.list("/pods").map(({ metadata }) => metadata.uid)).toEqual(pods);
  });

  test("children of a feature that was switched off go", async () => {
    await running(rich());
    world.edit(() => ({ spec: specOf() }));
    await world.rest();
    const left = children().map(([collection]) => collection);
    expect(left.some((each) => /roles|serviceaccounts|networkpolicies|rolebindings/.test(each))).toBe(false);
    expect(left).toHaveLength(13);
  });
});
