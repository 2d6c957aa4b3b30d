import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Client, isNotFound, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { FaultProxy } from "../../../kube/test/support/fault-proxy.ts";
import { KubeletDouble, type Pod } from "../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import { ClusterDouble } from "./support/cluster-double.ts";
import { type ClusterObject, clusterCrd, podMonitorCrd } from "./support/cluster-objects.ts";
import { RunningOperator } from "./support/running-operator.ts";

/** Kinds that a cluster has children of. */
const childTypes: readonly ResourceType[] = [
  ...[types.configMap, types.service, types.secret, types.deployment, types.statefulSet, types.budget],
  ...[types.serviceAccount, types.role, types.roleBinding, types.networkPolicy],
];

describe("the operator on a real API server", () => {
  let api: ApiServer;
  let kubelet: KubeletDouble;
  let double: ClusterDouble;
  let admin: Client;
  let operator: RunningOperator | undefined;

  beforeAll(async () => {
    const users = [{ name: "operator", groups: ["system:masters"] }];
    api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd], users });
    admin = api.client();
    kubelet = new KubeletDouble(admin, { terminationMs: 50 });
    await kubelet.start();
  });
  beforeEach(() => {
    double = new ClusterDouble(kubelet);
    kubelet.fate = () => ({ kind: "ready" });
  });
  afterEach(async () => {
    await operator?.stop();
    operator = undefined;
  });
  afterAll(async () => {
    await kubelet?.stop();
    await api?.stop();
  });

  const start = (options: Partial<ConstructorParameters<typeof RunningOperator>[1]> = {}) => {
    operator = new RunningOperator(api, { dialer: double, ...options });
    return operator;
  };

  const read = (namespace: string, name = "sales") =>
    admin.get<ClusterObject>(types.cluster, { namespace, name });

  const create = async (spec: JsonObject = {}, prefix = "life"): Promise<string> => {
    const namespace = await api.namespace(prefix);
    await admin.create(types.cluster, clusterOf(namespace, spec));
    return namespace;
  };

  const clusterOf = (
    namespace: string,
    { schedulerSpec, executorSpec, ...spec }: JsonObject,
  ): ClusterObject => ({
    ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name: "sales", namespace } },
    spec: {
      schedulerSpec: { spicepod: { datasets: [] }, ...(schedulerSpec as JsonObject) },
      executorSpec: { replicas: 2, ...(executorSpec as JsonObject) },
      ...spec,
    },
  });

  const change = (namespace: string, spec: JsonObject) =>
    admin.patch(types.cluster, { namespace, name: "sales" }, { type: "merge", body: { spec } });

  /** Waits until the status is about the present generation and Ready is so. */
  const settled = async (namespace: string, ready = "True", reason?: string) =>
    await eventually(
      `Ready ${ready} ${reason ?? ""} in ${namespace}`,
      async () => {
        const { metadata, status } = await read(namespace);
        const found = conditionOf(status, "Ready");
        const current = status?.["observedGeneration"] === metadata.generation;
        const right = found?.status === ready && (reason === undefined || found.reason === reason);
        if (current && right) return status as JsonObject;
        throw new Error(JSON.stringify(status?.["conditions"]));
      },
      { timeoutMs: 30_000 },
    );

  /** All children, as `Kind/name`, with their objects. */
  const children = async (namespace: string): Promise<Map<string, KubeObject>> => {
    const found = new Map<string, KubeObject>();
    for (const type of childTypes) {
      const { items } = await admin.list<KubeObject>(type, {
        namespace,
        labelSelector: "spice.ai/cluster=sales",
      });
      for (const item of items) found.set(`${type.kind}/${item.metadata.name}`, item);
    }
    return found;
  };

  const imagesOf = (namespace: string, role: string) =>
    kubelet
      .list(namespace)
      .filter(({ metadata }) => metadata.labels?.["spice.ai/cluster-role"] === role)
      .map((pod) => pod.spec.containers[0]?.image);

  it("creates a cluster, reports it ready, and then writes nothing", async () => {
    const running = start({ settings: { resyncMs: 1500 } });
    const namespace = await create();
    const status = await settled(namespace);
    expect(status).toMatchObject({
      schedulers: { ready: 1, total: 1 },
      executors: { ready: 2, total: 2 },
      partitions: { total: 12, assigned: 12, loaded: 12 },
      summary: { schedulers: "1/1", executors: "2/2", partitions: "12/12" },
      certificates: { rootCertificateReady: true, rootCertificateSecretName: "sales-ca" },
    });
    expect([...(await children(namespace)).keys()].sort()).toEqual([
      "ConfigMap/sales-spicepod",
      "Deployment/sales-scheduler",
      "PodDisruptionBudget/sales-executor",
      "PodDisruptionBudget/sales-scheduler",
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
    await api.kubectl(["wait", "spc/sales", "-n", namespace, "--for=condition=Ready", "--timeout=5s"]);
    await atRest(5000);
    expect(running.errors).toEqual([]);
  }, 60_000);

  /** No write of the operator for a while, over several resyncs, but for its events. */
  async function atRest(ms: number): Promise<void> {
    await eventually("the operator to come to rest", async () => {
      const mark = api.audit.mark();
      await new Promise((resolve) => setTimeout(resolve, 700));
      return writesSince(mark).length === 0;
    });
    const mark = api.audit.mark();
    await new Promise((resolve) => setTimeout(resolve, ms));
    expect(writesSince(mark)).toEqual([]);
  }

  const writesSince = (mark: number) =>
    api.audit.writesSince(mark, "operator").filter(({ resource }) => resource !== "events");

  it("makes every child again that someone deletes, and undoes edits", async () => {
    start({ settings: { resyncMs: 1000 } });
    const spec = {
      schedulerSpec: { serviceAccount: { enabled: true }, network: { egress: [{}] } },
      executorSpec: { replicas: 1 },
    };
    const namespace = await create(spec, "drift");
    await settled(namespace);
    const before = await children(namespace);
    for (const [key, object] of before) {
      const type = childTypes.find(({ kind }) => key.startsWith(`${kind}/`)) as ResourceType;
      const target = { namespace, name: object.metadata.name ?? "" };
      // A root that is gone cannot be made again: another takes its place by a rotation, which nodes must report.
      if (key === "Secret/sales-ca") continue;
      await admin.delete(type, target);
      await eventually(`${key} to be made again`, async () => {
        const again = await admin.get<KubeObject>(type, target);
        return again.metadata.uid !== object.metadata.uid && again.metadata.deletionTimestamp === undefined;
      });
      const labels = { "spice.ai/cluster-role": "stranger" };
      await admin.patch(type, target, { type: "merge", body: { metadata: { labels } } });
      await eventually(`the label of ${key} to be put right`, async () => {
        const { metadata } = await admin.get<KubeObject>(type, target);
        return (
          metadata.labels?.["spice.ai/cluster-role"] === object.metadata.labels?.["spice.ai/cluster-role"]
        );
      });
    }
    await settled(namespace);
    expect([...(await children(namespace)).keys()]).toEqual([...before.keys()]);
    await atRest(2500);
  }, 90_000);

  it("rolls out an image, executors one at a time and before schedulers", async () => {
    const running = start();
    const namespace = await create({ executorSpec: { replicas: 3 } }, "roll");
    await settled(namespace);
    const watch = watchUnready(namespace);
    await change(namespace, { image: { tag: "9.9.9" } });
    await eventually(
      "all executors to have the new image",
      () => {
        const images = imagesOf(namespace, "executor");
        const schedulers = imagesOf(namespace, "scheduler");
        const done = images.length === 3 && images.every((image) => image?.endsWith(":9.9.9"));
        if (!done && images.some((image) => !image?.endsWith(":9.9.9")))
          expect(schedulers.some((image) => image?.endsWith(":9.9.9"))).toBe(false);
        return done;
      },
      { timeoutMs: 40_000 },
    );
    await settled(namespace);
    await eventually("the schedulers to follow", () =>
      imagesOf(namespace, "scheduler").every((image) => image?.endsWith(":9.9.9")),
    );
    expect(watch.stop()).toBeLessThanOrEqual(1);
    expect(running.errors).toEqual([]);
  }, 90_000);

  /** The most executors that were not ready at one time, as far as one looks every 20 ms. */
  function watchUnready(namespace: string): { stop(): number } {
    let most = 0;
    const timer = setInterval(() => {
      const ready = kubelet.list(namespace).filter((pod) => isExecutor(pod) && isReady(pod)).length;
      most = Math.max(most, 3 - ready);
    }, 20);
    return {
      stop: () => {
        clearInterval(timer);
        return most;
      },
    };
  }

  it("scales up, drains before it scales down, and stops at a drain that is blocked", async () => {
    start();
    const namespace = await create({}, "scale");
    await settled(namespace);
    await api.kubectl(["scale", "spc/sales", "-n", namespace, "--replicas=4"]);
    expect(await settled(namespace)).toMatchObject({ executors: { ready: 4, total: 4 } });
    double.blocked = "partition 7 has no other place";
    await change(namespace, { executorSpec: { replicas: 3 } });
    await eventually("the blocked drain to be told", async () =>
      JSON.stringify((await read(namespace)).status).includes("partition 7 has no other place"),
    );
    expect(kubelet.list(namespace).filter(isExecutor)).toHaveLength(4);
    double.blocked = undefined;
    await eventually("three executors", async () => {
      const { executors } = (await read(namespace)).status as { executors?: { total: number } };
      return executors?.total === 3;
    });
    await settled(namespace);
    await eventually("the executor to be gone", async () => {
      const keys = [...(await children(namespace)).keys()];
      const left = keys.filter((key) => key.includes("executor-3"));
      if (left.length > 0) throw new Error(`there is still ${left.join()}`);
      return true;
    });
    expect(double.calls.filter((call) => call.startsWith("drain"))).toContain(`drain ${namespace}/sales 3`);
  }, 90_000);

  it("says what is wrong with a resource and leaves running pods alone", async () => {
    start();
    const namespace = await create({}, "invalid");
    await settled(namespace);
    const pods = kubelet.list(namespace).map(({ metadata }) => metadata.uid);
    await change(namespace, { schedulerSpec: { spicepod: { datasets: [{ name: "x" }] } } }).catch(() => {});
    await change(namespace, { schedulerSpec: { spicepod: { datasets: [], runtim: {} } } });
    const status = await settledConfig(namespace, "False");
    expect(conditionOf(status, "ConfigValid")?.message).toMatch(/runtim/);
    expect(kubelet.list(namespace).map(({ metadata }) => metadata.uid)).toEqual(pods);
    await change(namespace, { schedulerSpec: { spicepod: { runtim: null } } });
    await settledConfig(namespace, "True");
    await settled(namespace);
  }, 60_000);

  const settledConfig = (namespace: string, wanted: string) =>
    eventually(`ConfigValid ${wanted}`, async () => {
      const { metadata, status } = await read(namespace);
      if (status?.["observedGeneration"] !== metadata.generation) return undefined;
      return conditionOf(status, "ConfigValid")?.status === wanted ? status : undefined;
    });

  it("deletes all that it made", async () => {
    const running = start();
    const namespace = await create({}, "delete");
    await settled(namespace);
    await admin.delete(types.cluster, { namespace, name: "sales" });
    await eventually("the cluster to be gone", () =>
      read(namespace).then(
        () => false,
        (error: unknown) => isNotFound(error),
      ),
    );
    await eventually("its children to be collected", async () => (await children(namespace)).size === 0);
    await eventually("its pods to end", () => kubelet.list(namespace).length === 0);
    expect(running.errors).toEqual([]);
    await operator?.stop();
    operator = undefined;
    expect(double.open).toBe(0);
  }, 60_000);

  it("goes on where a killed operator stopped, whichever write was the last", async () => {
    const proxy = await FaultProxy.start(api);
    try {
      let finished = false;
      for (let last = 0; !finished; last += 1) {
        const namespace = await api.namespace("killed");
        let writes = 0;
        proxy.heal();
        proxy.inject({
          fault: { kind: "drop" },
          matches: ({ method, path }) => {
            if (method !== "GET" && !path.includes("/events")) writes += 1;
            return writes > last;
          },
        });
        const settings = { watchNamespaces: [namespace] };
        const doomed = start({ access: { server: proxy.url }, settings });
        await admin.create(types.cluster, clusterOf(namespace, { executorSpec: { replicas: 1 } }));
        await eventually("a write that fails, or a cluster that is ready", async () => {
          if (writes > last) return true;
          finished = conditionOf((await read(namespace)).status, "Ready")?.status === "True";
          return finished;
        });
        await doomed.stop();
        const heir = start({ settings });
        await settled(namespace);
        expect((await children(namespace)).size).toBe(11);
        expect(heir.errors).toEqual([]);
        await heir.stop();
        operator = undefined;
        if (finished) expect(last).toBeGreaterThan(11);
      }
    } finally {
      await proxy.stop();
    }
  }, 120_000);
});

function conditionOf(
  status: JsonObject | undefined,
  type: string,
): { readonly status: string; readonly reason: string; readonly message: string } | undefined {
  const all = (status?.["conditions"] ?? []) as never as {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
  return all.find((condition) => condition.type === type);
}

function isExecutor(pod: Pod): boolean {
  return pod.metadata.labels?.["spice.ai/cluster-role"] === "executor";
}

function isReady(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    (pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false)
  );
}
