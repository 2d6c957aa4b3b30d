import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { PodObject, SecretObject } from "../src/reconcile/objects.ts";
import { clusters, key, specOf, World } from "./support/world.ts";

let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

async function running(): Promise<void> {
  world.create(specOf());
  await world.rest();
}

/** After this the schedulers of a cluster at rest are asked again. */
const pollMs = 66_000;

test("a paused cluster is looked at and left alone", async () => {
  await running();
  world.edit(({ spec }) => ({ spec: { ...spec, paused: true, image: { tag: "2.0.0" } } }));
  world.api.store.delete("/services", "data/sales");
  const before = world.api.requests.length;
  await world.rest();
  expect(world.condition("Paused")).toMatchObject({ status: "True", reason: "PausedByUser" });
  expect(world.condition("Ready")?.status).toBe("True");
  expect(world.writes(before).map(({ path }) => path.split("/").at(-1))).toEqual(["status"]);
  world.edit(({ spec }) => ({ spec: { ...spec, paused: false } }));
  await world.rest();
  expect(world.condition("Paused")?.status).toBe("False");
  expect(world.api.store.get("/services", "data/sales")).toBeDefined();
});

test("a crash loop pauses the cluster until somebody asks to go on", async () => {
  await running();
  const loop = () => {
    const pod = world.get("/pods", "data/sales-executor-1-0");
    const status = {
      phase: "Running",
      podIP: "127.0.0.99",
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: [
        {
          restartCount: 11,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { message: "starting\npanic: no disk\n" } },
        },
      ],
    };
    world.api.store.put("/pods", { ...pod, status } as never);
  };
  loop();
  await world.rest();
  expect(world.condition("Paused")).toMatchObject({ status: "True", reason: "CrashLooping" });
  expect(world.condition("Paused")?.message).toContain("CrashLoopBackOff: panic: no disk");
  expect(world.status().pause).toEqual({ reason: "CrashLooping", generation: 1 });
  expect(world.operator.events.filter(({ action }) => action === "Pause")).toHaveLength(1);
  const pod = world.get("/pods", "data/sales-executor-1-0").metadata.uid;
  await world.restart();
  await world.rest();
  expect(world.get("/pods", "data/sales-executor-1-0").metadata.uid).toBe(pod);
  world.edit(({ metadata }) => ({ metadata: { ...metadata, annotations: { "spice.ai/resume": "1" } } }));
  await world.rest();
  expect(world.operator.restarts).toEqual(["CrashLooping"]);
  expect(world.status().pause).toBeUndefined();
  expect(world.condition("Ready")?.status).toBe("True");
});

test("a blocked drain stops a scale-down and says why", async () => {
  await running();
  world.admin.draining.set("sales-executor-1-0.sales-executor:50052", "BLOCKED");
  world.edit(({ spec }) => ({ spec: { ...spec, executorSpec: { replicas: 1 } } }));
  await world.rest();
  expect(world.condition("Degraded")).toMatchObject({ status: "True", reason: "DrainBlocked" });
  expect(world.condition("Degraded")?.message).toContain("no room");
  expect(world.api.store.get("/pods", "data/sales-executor-1-0")).toBeDefined();
  world.admin.draining.set("sales-executor-1-0.sales-executor:50052", "DRAINED");
  await world.rest();
  expect(world.api.store.get("/pods", "data/sales-executor-1-0")).toBeUndefined();
});

test("schedulers that cannot be asked make the cluster not ready, with the reason", async () => {
  await running();
  world.admin.reachable = false;
  await world.clock.advance(pollMs);
  await world.rest();
  expect(world.condition("Ready")).toMatchObject({
    status: "False",
    reason: "SchedulerUnreachable",
    message: "no scheduler answers",
  });
  expect(world.condition("Balanced")?.status).toBe("Unknown");
  world.admin.reachable = true;
  await world.rest();
  expect(world.condition("Ready")?.status).toBe("True");
});

test("schedulers that are silent for a moment only flip nothing", async () => {
  await running();
  const before = world.status();
  world.admin.reachable = false;
  await world.clock.advance(pollMs);
  const { outcome } = await world.round();
  expect(outcome).toEqual({ kind: "after", ms: 1000 });
  await world.clock.advance(1000);
  world.admin.reachable = true;
  await world.rest();
  expect(world.status()).toEqual(before);
});

test("a canary that fails stops the rollout, names itself, and a revert heals it", async () => {
  await running();
  world.kube.broken.add("sales-executor-1-0");
  world.edit(({ spec }) => ({ spec: { ...spec, image: { tag: "broken" } } }));
  for (let i = 0; i < 20; i++) {
    await world.round();
    await world.clock.advance(60_000);
  }
  expect(world.condition("Degraded")).toMatchObject({ status: "True", reason: "RolloutStopped" });
  expect(world.condition("Degraded")?.message).toContain("sales-executor-1-0");
  const images = () =>
    ["data/sales-executor-0", "data/sales-executor-1"].map(
      (name) => JSON.stringify(world.get("apps/statefulsets", name)).match(/spiced:[a-z0-9.]+/)?.[0],
    );
  expect(images()).toEqual(["spiced:0.1.0", "spiced:broken"]);
  expect(JSON.stringify(world.get("apps/deployments", "data/sales-scheduler"))).toContain("spiced:0.1.0");
  world.kube.broken.clear();
  world.edit(({ spec }) => ({ spec: { ...spec, image: { tag: "0.1.0" } } }));
  await world.rest();
  expect(images()).toEqual(["spiced:0.1.0", "spiced:0.1.0"]);
  expect(world.condition("Ready")?.status).toBe("True");
});

function remove(): void {
  const cluster = world.get(clusters, key);
  const deletionTimestamp = new Date(world.clock.wallMs()).toISOString();
  world.api.store.put(clusters, { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp } });
}

test("a deleted cluster stops its executors, then its schedulers, and says what stays", async () => {
  await running();
  remove();
  const order: string[] = [];
  for (let i = 0; i < 12 && world.api.store.get(clusters, key) !== undefined; i++) {
    const before = world.api.requests.length;
    await world.round();
    order.push(...world.writes(before).map(({ path }) => path.split("/").at(-1) ?? ""));
    await world.clock.advance(2_000);
  }
  expect([...new Set(order)]).toEqual(["sales-executor-0", "sales-executor-1", "sales-scheduler", "sales"]);
  expect(world.operator.events.at(-1)).toMatchObject({
    type: "Normal",
    reason: "Deleting",
    note: "Left behind: the cluster's state at s3://bucket/sales.",
  });
  world.kube.play();
  world.kube.play();
  expect(world.api.store.list("/secrets")).toEqual([]);
  expect((await world.operator.reconcile()).result).toBe("done");
});

test("a pod that does not stop delays a deletion for a bounded time only", async () => {
  await running();
  world.kube.stuck.add("sales-executor-0-0");
  remove();
  let rounds = 0;
  for (; world.api.store.get(clusters, key) !== undefined; rounds++) {
    expect(rounds).toBeLessThan(30);
    await world.round();
    await world.clock.advance(10_000);
  }
  expect(rounds).toBeGreaterThan(15);
  expect(world.operator.events.at(-1)).toMatchObject({
    type: "Warning",
    note: expect.stringContaining("Pods were still running:"),
  });
});

test("without mTLS there are no certificates, and the condition says so", async () => {
  world.create({ ...specOf(), allowInsecureConnections: true });
  await world.rest();
  expect(world.condition("CertificatesReady")).toMatchObject({ status: "False", reason: "Insecure" });
  expect(world.condition("Ready")?.status).toBe("True");
  expect(world.api.store.list("/secrets")).toEqual([]);
  expect(world.admin.dialled[0]?.tls).toBeUndefined();
});

test("a cluster that gives up mTLS, or is paused, is looked at no more often for it", async () => {
  for (const change of [{ allowInsecureConnections: true }, { paused: true }]) {
    await world.stop();
    world = new World();
    await running();
    world.edit(({ spec }) => ({ spec: { ...spec, ...change } }));
    await world.rest();
    await world.clock.advance(700_000);
    await world.rest();
    const { outcome } = await world.operator.reconcile(key);
    expect(outcome.kind === "after" && outcome.ms > 3_000).toBe(true);
  }
});

test("a PodMonitor comes with its API", async () => {
  await running();
  expect(world.api.store.list("monitoring.coreos.com/podmonitors")).toEqual([]);
  world.api.paths.set("/apis/monitoring.coreos.com/v1", {
    resources: [{ name: "podmonitors", kind: "PodMonitor", namespaced: true, verbs: [] }],
  });
  // What the API server serves is asked every few minutes.
  for (let minutes = 0; minutes < 8; minutes += 2) {
    await world.clock.advance(120_000);
    await world.flush();
  }
  await world.rest();
  expect(world.api.store.list("monitoring.coreos.com/podmonitors")).toHaveLength(1);
  // From then on it is watched.
  world.api.store.delete("monitoring.coreos.com/podmonitors", key);
  await world.rest();
  expect(world.api.store.list("monitoring.coreos.com/podmonitors")).toHaveLength(1);
});

test("schedulers that have moved are found although the cache is behind", async () => {
  await running();
  const readiness = world.condition("Ready");
  const pods = world.api.store.list("/pods") as PodObject[];
  const schedulers = pods.filter(
    ({ metadata }) => metadata.labels?.["spice.ai/cluster-role"] === "scheduler",
  );
  const cached = world.operator.caches.childrenOf<PodObject>("pod", key);
  for (const [i, pod] of schedulers.entries()) {
    const moved: PodObject = { ...pod, status: { ...pod.status, podIP: `127.0.1.${i + 1}` } };
    world.api.store.put("/pods", moved);
  }
  const { caches } = world.operator;
  const real = caches.childrenOf.bind(caches);
  const behind = jest
    .spyOn(caches, "childrenOf")
    .mockImplementation(((name: "pod", cluster: string) =>
      name === "pod" ? cached : real(name, cluster)) as never);
  try {
    await world.clock.advance(pollMs);
    await world.operator.reconcile(key);
  } finally {
    behind.mockRestore();
  }
  expect(world.condition("Ready")).toEqual(readiness);
  expect(world.admin.dialled.at(-1)?.addresses).toEqual(["127.0.1.1:50052", "127.0.1.2:50052"]);
});

test("a Secret that somebody edited is found by what its node has loaded", async () => {
  await running();
  const secret = () => world.get<SecretObject>("/secrets", "data/sales-scheduler-tls");
  const before = secret();
  const other = world.get<SecretObject>("/secrets", "data/sales-executor-0-tls");
  world.api.store.put("/secrets", { ...before, data: other.data } as SecretObject);
  await world.clock.advance(120_000);
  await world.rest();
  expect(secret().data?.["tls.crt"]).not.toBe(other.data?.["tls.crt"]);
  expect(world.condition("Ready")?.status).toBe("True");
});

test("a Secret that a pod waits for is made again", async () => {
  await running();
  const mounted = "data/sales-executor-1-tls";
  world.api.store.delete("/secrets", mounted);
  const pod = world.get<PodObject>("/pods", "data/sales-executor-1-0");
  const waiting = { reason: "ContainerCreating" };
  world.api.store.put("/pods", {
    ...pod,
    status: { phase: "Pending", containerStatuses: [{ restartCount: 0, state: { waiting } }] },
  } as PodObject);
  world.loads = false;
  await world.round();
  expect(world.api.store.get("/secrets", mounted)).toBeUndefined();
  await world.clock.advance(20_000);
  await world.round();
  expect(world.api.store.get("/secrets", mounted)).toBeDefined();
});
