import { expect, test } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import type { ClusterObject } from "../objects.ts";
import { packChild, packCluster } from "./trim.ts";

const labels = { "spice.ai/cluster": "sales" };
const child = (kind: string, more: object = {}): KubeObject & Record<string, unknown> => ({
  apiVersion: "v1",
  kind,
  metadata: {
    name: "one",
    namespace: "data",
    uid: "u",
    resourceVersion: "7",
    labels,
    managedFields: [{ manager: "someone" }],
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", "spice.ai/applied": "hash" },
  },
  ...more,
});

test("a packed child is what was packed without what nobody reads, under its cluster", () => {
  const packed = packChild("service", child("Service", { spec: { ports: [{ port: 1 }] }, status: {} }));
  expect(packed.tags).toEqual({ cluster: "data/sales" });
  expect(packed.metadata).toEqual({ name: "one", namespace: "data", uid: "u", resourceVersion: "7" });
  const { managedFields: _, ...metadata } = child("Service").metadata;
  expect(packed.unpack()).toEqual({
    ...child("Service"),
    metadata: { ...metadata, annotations: { "spice.ai/applied": "hash" } },
    spec: { ports: [{ port: 1 }] },
  });
});

test("who reads twice gets one object", () => {
  const packed = packChild("service", child("Service"));
  expect(packed.unpack()).toBe(packed.unpack());
});

test("of a pod its status is kept, of a foreign ConfigMap its version alone", () => {
  const status = { phase: "Running", podIP: "10.0.0.1", hostIP: "10.0.0.9", qosClass: "Burstable" };
  const pod = packChild("pod", child("Pod", { spec: { containers: [] }, status })).unpack();
  expect(pod).not.toHaveProperty("spec");
  expect(pod).toMatchObject({ status: { phase: "Running", podIP: "10.0.0.1" }, metadata: { labels } });
  expect(pod).not.toHaveProperty("status.hostIP");
  const foreign = child("ConfigMap", { data: { a: "b" } });
  const kept = packChild("configMap", { ...foreign, metadata: { ...foreign.metadata, labels: {} } });
  expect(kept.tags).toEqual({});
  expect(Object.keys(kept.unpack())).toEqual(["apiVersion", "kind", "metadata"]);
  expect(packChild("configMap", foreign).unpack()).toMatchObject({ data: { a: "b" } });
});

test("a child without its label is found by its owner", () => {
  const owner = { apiVersion: "spice.ai/v2", kind: "SpicepodCluster", name: "sales", uid: "c" };
  const object = child("Service");
  const metadata = { ...object.metadata, labels: {}, ownerReferences: [{ ...owner, controller: true }] };
  expect(packChild("service", { ...object, metadata }).tags).toEqual({ cluster: "data/sales" });
});

test("what users ask of a cluster is told apart from its status", () => {
  const cluster = (more: object, status: object = {}) =>
    packCluster({
      ...child("SpicepodCluster"),
      metadata: { ...child("SpicepodCluster").metadata, generation: 1, ...more },
      spec: { schedulerSpec: { spicepodConfigMapRef: { name: "pod", key: "k" } } },
      status,
    } as ClusterObject).tags;
  const before = cluster({});
  expect(before.configMap).toBe("data/pod");
  expect(cluster({ resourceVersion: "8" }, { summary: {} })).toEqual(before);
  for (const asked of [{ generation: 2 }, { annotations: { a: "b" } }, { deletionTimestamp: "now" }])
    expect(cluster(asked).wish).not.toBe(before.wish);
});
