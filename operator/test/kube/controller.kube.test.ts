import { afterAll, beforeAll, expect, it } from "@jest/globals";
import {
  type Client,
  type EventNote,
  isNotFound,
  type KubeObject,
  objectKey,
  type ResourceType,
  systemClock,
  systemRandom,
} from "@spice-shards/kube";
import { Registry } from "prom-client";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { KubeletDouble } from "../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import type { Log } from "../../src/log.ts";
import { operatorMetrics } from "../../src/metrics.ts";
import { createController } from "../../src/reconcile/controller.ts";
import type { ClusterObject, StatefulSetObject } from "../../src/reconcile/objects.ts";
import { types } from "../../src/reconcile/resource-types.ts";
import { defaultSettings } from "../../src/reconcile/settings.ts";
import { FakeAdmin } from "../support/fake-admin.ts";
import { specOf } from "../support/world.ts";
import { clusterCrd, podMonitorCrd } from "./support/cluster-objects.ts";

/** What schedulers would know, as of the last look. */
class Snapshot {
  #objects = new Map<string, readonly KubeObject[]>();
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async refresh(): Promise<void> {
    const kinds = { "/pods": types.pod, "/secrets": types.secret, "/configmaps": types.configMap };
    for (const [collection, type] of Object.entries(kinds)) {
      const { items } = await this.#client.list<KubeObject>(type as ResourceType);
      this.#objects.set(collection, items);
    }
  }

  list(collection: string): KubeObject[] {
    return [...(this.#objects.get(collection) ?? [])];
  }

  get(collection: string, key: string): KubeObject | undefined {
    return this.list(collection).find((object) => objectKey(object) === key);
  }
}

let api: ApiServer;
let kubelet: KubeletDouble;
let people: Client;
let admin: FakeAdmin;
let namespace: string;
const stop = new AbortController();
const tasks: Promise<unknown>[] = [];
const events: EventNote[] = [];
const errors: string[] = [];

beforeAll(async () => {
  const users = ["operator", "people", "schedulers"].map((name) => ({ name, groups: ["system:masters"] }));
  api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd], users });
  kubelet = new KubeletDouble(api.client({ user: "people" }));
  await kubelet.start();
  people = api.client({ user: "people" });
  const snapshot = new Snapshot(api.client({ user: "schedulers" }));
  admin = new FakeAdmin(snapshot);
  namespace = await api.namespace("controller");
  const log: Log = {
    info: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields)}`),
    warn: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields)}`),
    error: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const controller = createController({
    client: api.client({ user: "operator" }),
    dialer: admin,
    clock: systemClock,
    random: systemRandom,
    log,
    metrics: operatorMetrics(new Registry()),
    events: { record: (_, event) => void events.push(event) },
    settings: { ...defaultSettings, resyncMs: 1_500 },
  });
  tasks.push(controller.run(stop.signal));
  const look = async () => {
    while (!stop.signal.aborted) {
      await snapshot.refresh();
      admin.load();
      await systemClock.sleep(200, stop.signal).catch(() => {});
    }
  };
  tasks.push(look());
});

afterAll(async () => {
  stop.abort(new Error("the test has ended"));
  await Promise.all(tasks);
  await kubelet?.stop();
  await api?.stop();
});

const live = () => people.get<ClusterObject>(types.cluster, { namespace, name: "sales" });

async function ready(generation: number): Promise<ClusterObject> {
  let last: ClusterObject | undefined;
  try {
    return await eventually(
      `generation ${generation} to be ready`,
      async () => {
        last = await live();
        const { conditions = [], observedGeneration } = last.status ?? {};
        const holds = (type: string) => conditions.find((each) => each.type === type)?.status === "True";
        const settled = holds("Ready") && !holds("Progressing") && !holds("Degraded");
        return observedGeneration === generation && settled && last;
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
  } catch (error) {
    throw new Error(`${JSON.stringify(last?.status, null, 1)}\n${errors.slice(-25).join("\n")}`, {
      cause: error,
    });
  }
}

/** Nothing is written over two resyncs. */
async function rests(): Promise<void> {
  await systemClock.sleep(1_000);
  const mark = api.audit.mark();
  await systemClock.sleep(4_000);
  expect(api.audit.writesSince(mark, "operator")).toEqual([]);
}

const change = (spec: object) =>
  people.patch(types.cluster, { namespace, name: "sales" }, { type: "merge", body: { spec } });

it("a cluster becomes ready and rests without writes", async () => {
  await people.create<ClusterObject>(types.cluster, {
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name: "sales", namespace },
    spec: {
      ...specOf(),
      schedulerSpec: {
        ...(specOf()["schedulerSpec"] as object),
        serviceAccount: { enabled: true, create: true },
        network: { ingress: [{}] },
      },
    },
  });
  const { status } = await ready(1);
  expect(status?.summary).toEqual({
    schedulers: "2/2",
    executors: "2/2",
    partitions: "6/6",
    datasets: "1/1",
  });
  await rests();
});

it("every child that someone deletes or edits comes back, and then nothing is written", async () => {
  const kinds = [
    types.configMap,
    types.service,
    types.serviceAccount,
    types.role,
    types.roleBinding,
    types.networkPolicy,
    types.budget,
    types.deployment,
    types.statefulSet,
    types.podMonitor,
    types.secret,
  ];
  const labelSelector = "spice.ai/cluster=sales";
  const listed = async () => {
    const all: { type: ResourceType; object: KubeObject }[] = [];
    for (const type of kinds) {
      const { items } = await people.list<KubeObject>(type, { namespace, labelSelector });
      all.push(...items.map((object) => ({ type, object })));
    }
    return all;
  };
  const before = await listed();
  expect(new Set(before.map(({ type }) => type.kind)).size).toBe(kinds.length);
  for (const { type, object } of before) {
    const target = { namespace, name: object.metadata.name ?? "" };
    const labels = { "app.kubernetes.io/name": null };
    await people.patch(type, target, { type: "merge", body: { metadata: { labels } } });
    await eventually(
      `${type.kind} ${target.name} to have its labels`,
      async () => (await people.get(type, target)).metadata.labels?.["app.kubernetes.io/name"] === "spice",
    );
    await people.delete(type, target);
    await eventually(
      `${type.kind} ${target.name} to come back`,
      async () => {
        try {
          const again = await people.get(type, target);
          return again.metadata.uid !== object.metadata.uid;
        } catch (error) {
          if (isNotFound(error)) return false;
          throw error;
        }
      },
      { timeoutMs: 30_000 },
    );
  }
  await ready(1);
  await rests();
});

it("an upgrade, a scale-up, a scale-down and a rotation end in rest", async () => {
  await change({ image: { tag: "2.0.0" } });
  await ready(2);
  await change({ executorSpec: { replicas: 3 } });
  await ready(3);
  await change({ executorSpec: { replicas: 1 } });
  await ready(4);
  const { items } = await people.list<StatefulSetObject>(types.statefulSet, { namespace });
  expect(items.map(({ metadata }) => metadata.name)).toEqual(["sales-executor-0"]);
  expect(JSON.stringify(items)).toContain("spiced:2.0.0");
  const annotations = { "spice.ai/rotate-root": "now" };
  await people.patch(
    types.cluster,
    { namespace, name: "sales" },
    { type: "merge", body: { metadata: { annotations } } },
  );
  await eventually(
    "the rotation to end",
    async () => {
      const root = await people.get<KubeObject>(types.secret, { namespace, name: "sales-ca" });
      const { metadata } = root;
      return (
        metadata.annotations?.["spice.ai/answered-request"] === "now" &&
        metadata.annotations?.["spice.ai/rotation-phase"] === "stable"
      );
    },
    { timeoutMs: 60_000 },
  );
  await ready(4);
  expect(admin.untrusted()).toEqual([]);
  await rests();
});

it("a resource that becomes invalid is told, and nothing that runs changes", async () => {
  const mark = api.audit.mark();
  await change({ executorSpec: { envFromSource: [{ secretRef: { name: "none" } }] } });
  await eventually("the condition", async () =>
    (await live()).status?.conditions?.some(
      (each) => each.type === "Stalled" && each.reason === "MissingSecret",
    ),
  );
  const written = api.audit.writesSince(mark, "operator");
  expect(written.map(({ resource, subresource }) => `${resource}/${subresource}`)).toEqual([
    "spicepodclusters/status",
  ]);
  await change({ executorSpec: { envFromSource: null } });
  await ready(6);
});

it("a deleted cluster goes with everything of it", async () => {
  await people.delete(types.cluster, { namespace, name: "sales" });
  await eventually(
    "nothing to be left",
    async () => {
      for (const type of [types.cluster, types.pod, types.statefulSet, types.deployment, types.secret])
        if ((await people.list(type, { namespace })).items.length > 0) return false;
      return true;
    },
    { timeoutMs: 60_000, everyMs: 300 },
  );
  expect(events.at(-1)).toMatchObject({ reason: "Deleting", type: "Normal" });
  expect(kubelet.failures).toEqual([]);
});
