/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { isNotFound, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import { childTypes, conditionOf, imagesOf, isReady, OperatorBed } from "./support/operator-bed.ts";

describe("the operator on a real API server", () => {
  let bed: OperatorBed;

  beforeAll(async () => {
    bed = await OperatorBed.start();
  });
  afterEach(() => bed.stopOperator());
  afterAll(() => bed?.stop());

  it("creates a cluster, reports it ready, and then writes nothing", async () => {
    const operator = bed.operate({ settings: { resyncMs: 1500 } });
    const namespace = await bed.create();
    expect(await bed.ready(namespace)).toMatchObject({
      schedulers: { ready: 1, total: 1 },
      executors: { ready: 2, total: 2 },
      partitions: { total: 12, assigned: 12, loaded: 12 },
      summary: { schedulers: "1/1", executors: "2/2", partitions: "12/12" },
      certificates: { rootCertificateReady: true, rootCertificateSecretName: "sales-ca" },
    });
    expect([...(await bed.children(namespace)).keys()].sort()).toEqual([
      "ConfigMap/sales-spicepod",
      "Deployment/sales-scheduler",
      "PodDisruptionBudget/sales-executor",
      "PodDisruptionBudget/sales-scheduler",
      "PodMonitor/sales",
      "Secret/sales-ca",
      "Secret/sales-executor-0-tls",
      "Secret/sales-executor-1-tls",
      "Secret/sales-scheduler-tls",
      "Service/sales",
      "Service/sales-executor",
      "Service/sales-scheduler",
      "StatefulSet/sales-executor-0",
      "StatefulSet/sales-executor-1",
    ]);
    await bed.api.kubectl(["wait", "spc/sales", "-n", namespace, "--for=condition=Ready", "--timeout=60s"]);
    // Some resyncs pass. The tests that follow bring other operators, restarts and the rest of a minute.
    expect(await bed.writesAtRest(6_000)).toEqual([]);
    bed.rests(namespace);
    expect(operator.errors).toEqual([]);
  }, 300_000);

  it("makes every child again that someone deletes, and undoes edits", async () => {
    // Whatever is watched comes back at once.
    bed.operate();
    const spec = {
      schedulerSpec: {
        spicepod: { datasets: [] },
        serviceAccount: { enabled: true },
        network: { egress: [{}] },
      },
      executorSpec: { replicas: 1 },
    };
    const namespace = await bed.create(spec, "drift");
    await bed.ready(namespace);
    const before = await bed.children(namespace);
    const drift = async (key: string, object: KubeObject) => {
      const type = childTypes.find(({ kind }) => key.startsWith(`${kind}/`)) as ResourceType;
      const target = { namespace, name: object.metadata.name ?? "" };
      await bed.admin.delete(type, target);
      await eventually(`${key} to be made again`, async () => {
        const { metadata } = await bed.admin.get<KubeObject>(type, target);
        return metadata.uid !== object.metadata.uid && metadata.deletionTimestamp === undefined;
      });
      const instance = "app.kubernetes.io/instance";
      const labels = { [instance]: "stranger" };
      await bed.admin.patch(type, target, { type: "merge", body: { metadata: { labels } } });
      await eventually(`the label of ${key} to be put right`, async () => {
        const { metadata } = await bed.admin.get<KubeObject>(type, target);
        return metadata.labels?.[instance] === "sales";
      });
    };
    const isSecret = (key: string) => key.startsWith("Secret/");
    for (const [key, object] of before) if (!isSecret(key)) await drift(key, object);
    // Secrets are compared at resyncs.
    await bed.stopOperator();
    bed.operate({ settings: { resyncMs: 1000 } });
    // A root that is gone cannot be made again: another takes its place by a rotation, which nodes must report.
    for (const [key, object] of before)
      if (isSecret(key) && key !== "Secret/sales-ca") await drift(key, object);
    await bed.ready(namespace);
    expect([...(await bed.children(namespace)).keys()]).toEqual([...before.keys()]);
    expect(await bed.writesAtRest(2500)).toEqual([]);
    bed.rests(namespace);
  });

  it("rolls out an image, executors one at a time and before schedulers", async () => {
    const operator = bed.operate();
    const namespace = await bed.create({ executorSpec: { replicas: 3 } }, "roll");
    await bed.ready(namespace);
    let most = 0;
    let early = false;
    const isNew = (image: string) => image.endsWith(":9.9.9");
    const watching = setInterval(() => {
      const executors = bed.pods(namespace, "executor");
      most = Math.max(most, 3 - executors.filter(isReady).length);
      const schedulers = imagesOf(bed.pods(namespace, "scheduler"));
      early ||= schedulers.some(isNew) && !imagesOf(executors).every(isNew);
    }, 20);
    try {
      await bed.change(namespace, { image: { tag: "9.9.9" } });
      const all = () => [...bed.pods(namespace, "executor"), ...bed.pods(namespace, "scheduler")];
      const done = () => imagesOf(all()).every(isNew) && all().length === 4;
      await eventually("all pods to have the new image", done);
      await bed.ready(namespace);
    } finally {
      clearInterval(watching);
    }
    expect([most, early]).toEqual([1, false]);
    expect(operator.errors).toEqual([]);
  });

  it("scales up, drains before it scales down, and stops at a drain that is blocked", async () => {
    bed.operate();
    const namespace = await bed.create({}, "scale");
    await bed.ready(namespace);
    await bed.api.kubectl(["scale", "spc/sales", "-n", namespace, "--replicas=4"]);
    expect(await bed.ready(namespace)).toMatchObject({ executors: { ready: 4, total: 4 } });
    bed.double.blocked = "partition 7 has no other place";
    await bed.change(namespace, { executorSpec: { replicas: 3 } });
    await eventually("the blocked drain to be told", async () =>
      JSON.stringify((await bed.read(namespace)).status).includes("partition 7 has no other place"),
    );
    expect(bed.pods(namespace, "executor")).toHaveLength(4);
    bed.double.blocked = undefined;
    await eventually("three executors", async () => {
      const { executors } = (await bed.read(namespace)).status as { executors?: { total: number } };
      return executors?.total === 3;
    });
    await bed.ready(namespace);
    await eventually("the executor to be gone", async () => {
      const left = [...(await bed.children(namespace)).keys()].filter((key) => key.includes("executor-3"));
      if (left.length > 0) throw new Error(`there is still ${left.join()}`);
      return true;
    });
    expect(bed.double.calls).toContain(`drain ${namespace}/sales 3`);
  });

  it("says what is wrong with a resource and leaves running pods alone", async () => {
    bed.operate();
    const namespace = await bed.create({}, "invalid");
    await bed.ready(namespace);
    const pods = bed.kubelet.list(namespace).map(({ metadata }) => metadata.uid);
    await bed.change(namespace, { schedulerSpec: { spicepod: { runtim: {} } } });
    const status = await bed.condition(namespace, "ConfigValid", "False");
    expect(conditionOf(status, "ConfigValid")?.message).toMatch(/runtim/);
    expect(bed.kubelet.list(namespace).map(({ metadata }) => metadata.uid)).toEqual(pods);
    await bed.change(namespace, { schedulerSpec: { spicepod: { runtim: null } } });
    await bed.condition(namespace, "ConfigValid", "True");
    await bed.ready(namespace);
    expect(bed.kubelet.list(namespace).map(({ metadata }) => metadata.uid)).toEqual(pods);
  });

  it("deletes all that it made", async () => {
    const operator = bed.operate();
    const { double } = bed;
    const namespace = await bed.create({}, "delete");
    await bed.ready(namespace);
    await bed.admin.delete(types.cluster, { namespace, name: "sales" });
    await eventually("the cluster to be gone", () => bed.read(namespace).then(() => false, isNotFound));
    await eventually("its children to be collected", async () => (await bed.children(namespace)).size === 0);
    await eventually("its pods to end", () => bed.kubelet.list(namespace).length === 0);
    expect(operator.errors).toEqual([]);
    await bed.stopOperator();
    expect(double.open).toBe(0);
  });

  it("brings many clusters up at once, and follows an API server through a crash in the middle", async () => {
    const operator = bed.operate();
    const namespace = await bed.api.namespace("many");
    const count = process.env["FULL"] === "1" ? 200 : 50;
    const names = Array.from({ length: count }, (_, i) => `c${i}`);
    await Promise.all(
      names.map((name) => {
        const cluster = bed.clusterOf(namespace, { executorSpec: { replicas: 1 } });
        return bed.admin.create(types.cluster, { ...cluster, metadata: { name, namespace } });
      }),
    );
    await bed.api.stopServer();
    await bed.api.startServer();
    await eventually(
      "all to be ready",
      async () => {
        const { items } = await bed.admin.list<KubeObject>(types.cluster, { namespace });
        const ready = items.filter(
          (item) => conditionOf((item as { status?: never }).status, "Ready")?.status === "True",
        );
        if (ready.length < count) throw new Error(`${ready.length} of ${count} are`);
        return true;
      },
      { timeoutMs: 120_000 + count * 1000, everyMs: 500 },
    );
    expect(await bed.writesAtRest(3000)).toEqual([]);
    expect(operator.errors).toEqual([]);
  }, 300_000);

  it("has written nothing for a minute to clusters at rest, one of them after drift in every kind of child", async () => {
    bed.operate({ settings: { resyncMs: 2000 } });
    expect(await bed.writesToResting(60_000)).toEqual({ writes: [], notes: [] });
  }, 120_000);
});
