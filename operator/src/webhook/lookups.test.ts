import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Client, type KubeObject, Transport } from "@spice-shards/kube";
import { FakeApiServer, seededRandom, VirtualClock } from "@spice-shards/kube/testing";
import { type Lookups, lookupsOf } from "./lookups.ts";

const { signal } = new AbortController();
let api: FakeApiServer;
let transport: Transport;
let clock: VirtualClock;
let lookups: (namespaces?: readonly string[]) => Lookups;

beforeEach(async () => {
  api = new FakeApiServer();
  const credentials = { current: async () => ({ headers: {}, tls: {} }), invalidate() {} };
  transport = new Transport({ server: await api.start(), credentials });
  clock = new VirtualClock();
  const client = new Client({ transport, clock, random: seededRandom(1) });
  lookups = (namespaces = []) => lookupsOf(client, clock, namespaces);
  for (const [namespace, state] of [
    ["a", "s3://one/x/"],
    ["b", "s3://two"],
    ["c", "file:///state"],
  ] as const)
    api.store.put("spice.ai/spicepodclusters", {
      apiVersion: "spice.ai/v2",
      kind: "SpicepodCluster",
      metadata: { namespace, name: "sales" },
      spec: { schedulerSpec: { spicepod: { runtime: { scheduler: { state_location: state } } } } },
    } as KubeObject);
});

afterEach(async () => {
  transport.close();
  await api.stop();
});

test("state locations are those of all clusters, or of the namespaces that are watched", async () => {
  const one = { key: "a/sales", location: "s3://one/x" };
  const two = { key: "b/sales", location: "s3://two" };
  expect(await lookups().stateLocations(signal)).toEqual([one, two]);
  expect(await lookups(["b", "c"]).stateLocations(signal)).toEqual([two]);
});

test("storage classes are read once for a burst, and again a little later or after a failure", async () => {
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const put = (name: string, metadata: object = {}) =>
    api.store.put("storage.k8s.io/storageclasses", {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name, ...metadata },
    });
  put("fast", { annotations });
  const { storageClasses } = lookups();
  api.fault = () => ({ code: 403, body: { message: "no" } });
  await expect(storageClasses(signal)).rejects.toThrow("no");
  api.fault = () => undefined;
  const before = api.requests.length;
  const burst = await Promise.all([storageClasses(signal), storageClasses(signal)]);
  expect(burst).toEqual([[{ name: "fast", isDefault: true }], [{ name: "fast", isDefault: true }]]);
  expect(api.requests.length).toBe(before + 1);
  put("slow");
  await clock.advance(1001);
  expect(await storageClasses(signal)).toContainEqual({ name: "slow", isDefault: false });
});

test("a caller that gives up is not held", async () => {
  const stop = new AbortController();
  api.fault = () => {
    stop.abort(new Error("too late"));
    return { code: 429, headers: { "retry-after": "100" } };
  };
  await expect(lookups().storageClasses(stop.signal)).rejects.toThrow("too late");
});

test("objects exist or not, and anything else is an error", async () => {
  api.store.put("/secrets", { apiVersion: "v1", kind: "Secret", metadata: { namespace: "a", name: "keys" } });
  const { exists } = lookups();
  expect(await exists("Secret", "a", "keys", signal)).toBe(true);
  expect(await exists("ConfigMap", "a", "keys", signal)).toBe(false);
  api.fault = () => ({ code: 403, body: { message: "no" } });
  await expect(exists("Secret", "a", "keys", signal)).rejects.toThrow("no");
});

test("cert-manager is there when its kinds are", async () => {
  expect(await lookups().hasCertManager(signal)).toBe(false);
  const resources = [{ name: "certificates", kind: "Certificate", namespaced: true, verbs: ["get"] }];
  api.paths.set("/apis/cert-manager.io/v1", { resources });
  expect(await lookups().hasCertManager(signal)).toBe(true);
});
