import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeObject } from "../src/index.ts";
import { ApiServer } from "./support/api-server.ts";
import { KubeletDouble, type Pod, type PodFate } from "./support/kubelet-double.ts";
import { configMaps, deployments, statefulSets } from "./support/types.ts";
import { eventually } from "./support/wait.ts";
import { widget, widgetCrd, widgets } from "./support/widgets.ts";

interface Workload extends KubeObject {
  readonly spec?: unknown;
  readonly status?: { readonly readyReplicas?: number };
}

const workload = (kind: "Deployment" | "StatefulSet", namespace: string, name: string): Workload => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name, namespace },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "main", image: "example/none:1" }] },
    },
    ...(kind === "StatefulSet" ? { serviceName: name } : {}),
  },
});

describe("the control plane of tests", () => {
  let api: ApiServer;
  let kubelet: KubeletDouble;

  beforeAll(async () => {
    api = await ApiServer.start({ crds: [widgetCrd] });
    kubelet = new KubeletDouble(api.client(), { terminationMs: 100 });
    await kubelet.start();
  });
  afterAll(async () => {
    await kubelet?.stop();
    await api?.stop();
  });

  it("brings pods of Deployments and StatefulSets to the state that a test wants", async () => {
    const namespace = await api.namespace("pods");
    const client = api.client();
    await client.create(deployments, workload("Deployment", namespace, "web"));
    await client.create(statefulSets, workload("StatefulSet", namespace, "db"));
    const ready = async (type: typeof deployments, name: string, count: number) => {
      await eventually(`${count} ready pods of ${name}`, async () => {
        const found = await client.get<Workload>(type, { namespace, name });
        return (found.status?.readyReplicas ?? 0) === count;
      });
    };
    await ready(deployments, "web", 2);
    await ready(statefulSets, "db", 2);
    const addresses = kubelet.list(namespace).map((pod) => pod.status?.podIP);
    expect(new Set(addresses).size).toBe(4);
    const crash: PodFate = { kind: "waiting", reason: "CrashLoopBackOff", restarts: 7, lastError: "no disk" };
    kubelet.fate = (pod: Pod) => (pod.metadata.name === "db-0" ? crash : { kind: "ready" });
    await ready(statefulSets, "db", 1);
    expect(await api.kubectl(["get", "pod", "db-0", "-n", namespace])).toMatch(/0\/1\s+CrashLoopBackOff\s+7/);
    kubelet.fate = () => ({ kind: "ready" });
    await ready(statefulSets, "db", 2);
    const before = kubelet.list(namespace).find((pod) => pod.metadata.name === "db-1")?.metadata.uid;
    await api.kubectl(["delete", "pod", "db-1", "-n", namespace, "--wait=false"]);
    await eventually("the pod to be replaced", () => {
      const now = kubelet.list(namespace).find((pod) => pod.metadata.name === "db-1");
      return now !== undefined && now.metadata.uid !== before;
    });
    await ready(statefulSets, "db", 2);
    expect(kubelet.failures).toEqual([]);
  });

  it("collects the children of custom resources at once, and counts requests by user", async () => {
    const namespace = await api.namespace("collect");
    const client = api.client();
    const metadata = { name: "owner", namespace };
    const mark = api.audit.mark();
    const owner = await client.create(widgets, widget(namespace, "owner"));
    const reference = {
      ...{ apiVersion: "example.test/v1", kind: "Widget", name: "owner" },
      uid: owner.metadata.uid ?? "",
    };
    const child = { name: "child", namespace, ownerReferences: [reference] };
    await client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: child });
    await client.delete(widgets, metadata);
    const target = { namespace, name: "child" };
    await eventually("the child to be collected", () =>
      client.get(configMaps, target).then(
        () => false,
        () => true,
      ),
    );
    const writes = api.audit.writesSince(mark, "admin").filter((entry) => entry.namespace === namespace);
    expect(writes.map(({ verb, resource, code }) => `${verb} ${resource} ${code}`)).toEqual([
      "create widgets 201",
      "create configmaps 201",
      "delete widgets 200",
    ]);
  });

  it("has addresses of loopback for services, and goes on after a crash of the API server", async () => {
    expect(await api.kubectl(["get", "service", "kubernetes"])).toContain(`${api.serviceNetwork}.0.1`);
    await api.stopServer();
    await expect(api.client().getPath("/version")).rejects.toThrow("no answer");
    await api.startServer();
    const namespace = await api.namespace("after");
    await api.client().create(statefulSets, workload("StatefulSet", namespace, "db"));
    await eventually("pods after the restart", () => kubelet.list(namespace).length === 2);
    expect(kubelet.failures).toEqual([]);
  });
});
