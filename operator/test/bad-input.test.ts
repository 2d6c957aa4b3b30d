import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../src/schema/schema.ts";
import { key, specOf, spec as text, World } from "./support/world.ts";

let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

function withExecutors(executorSpec: object): JsonObject {
  return { ...specOf(), executorSpec } as JsonObject;
}

/** A few rounds; a blocked cluster comes to rest without being ready. */
async function settle(which = key): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await world.round(which);
    await world.clock.advance(1_000);
  }
}

function put(collection: string, kind: string, name: string, more: object = {}): void {
  const metadata = { name, ...(kind === "StorageClass" ? {} : { namespace: "data" }) };
  world.api.store.put(collection, { apiVersion: "v1", kind, metadata, ...more });
}

const claim = (storage: string, storageClassName?: string) => ({
  replicas: 1,
  volumeClaimTemplates: [
    {
      metadata: { name: "data" },
      spec: {
        ...(storageClassName === undefined ? {} : { storageClassName }),
        resources: { requests: { storage } },
      },
    },
  ],
});

describe("a running cluster goes on when its resource becomes", () => {
  test.each([
    [
      "of a wrong type",
      (body: JsonObject) => ({
        ...body,
        schedulerSpec: { ...(body["schedulerSpec"] as object), replicas: "two" },
      }),
      "InvalidSpec",
      'spec.schedulerSpec.replicas: must be a whole number, found "two".',
    ],
    [
      "one with unknown fields",
      (body: JsonObject) => ({ ...body, executorsSpec: {} }),
      "InvalidSpec",
      "Did you mean executorSpec?",
    ],
    [
      "one with an invalid spicepod",
      () => specOf(text.replace("datasets:", "datasts:")),
      "InvalidSpicepod",
      "Did you mean `datasets`?",
    ],
    [
      "one with reserved labels",
      () => withExecutors({ labels: { "spice.ai/cluster": "mine" } }),
      "InvalidSpec",
      "labels that begin with spice.ai/ are reserved for the operator",
    ],
    [
      "one that names a Secret that is missing",
      () => withExecutors({ envFromSource: [{ secretRef: { name: "keys" } }] }),
      "MissingSecret",
      "spec.executorSpec.envFromSource[0].secretRef: Secret data/keys does not exist.",
    ],
    [
      "one that names a ConfigMap that is missing",
      () => ({ schedulerSpec: { spicepodConfigMapRef: { name: "pod" } } }),
      "MissingConfigMap",
      "spec.schedulerSpec.spicepodConfigMapRef.name: ConfigMap data/pod does not exist.",
    ],
  ])("%s", async (_, change, reason, message) => {
    world.create(specOf());
    await world.rest();
    const pods = world.api.store.list("/pods");
    const before = world.api.requests.length;
    world.edit(({ spec }) => ({ spec: change(spec) }));
    await settle();
    for (const type of ["ConfigValid", "Ready"])
      expect(world.condition(type)).toMatchObject({ status: "False", reason });
    for (const type of ["Degraded", "Stalled"])
      expect(world.condition(type)).toMatchObject({ status: "True", reason });
    expect(world.condition("ConfigValid")?.message).toContain(message);
    expect(world.status().observedGeneration).toBe(2);
    expect(world.status().schedulers).toEqual({ ready: 2, total: 2 });
    expect(world.api.store.list("/pods")).toEqual(pods);
    expect(world.writes(before).map(({ path }) => path.split("/").at(-1))).toEqual(["status"]);
    expect(world.operator.events).toContainEqual(expect.objectContaining({ type: "Warning", reason }));
    world.edit(() => ({ spec: specOf() }));
    await world.rest();
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.condition("Stalled")).toBeUndefined();
  });
});

test("a name is too long", async () => {
  const name = "a".repeat(39);
  world.create(specOf(), { name });
  await settle(`data/${name}`);
  const condition = world.condition("ConfigValid", `data/${name}`);
  expect(condition?.message).toMatch(/^metadata.name: the name of a cluster can have at most 38 characters/);
  expect(world.api.store.list("/services")).toEqual([]);
});

test("a volume cannot shrink, whatever the operator has seen of it", async () => {
  put("storage.k8s.io/storageclasses", "StorageClass", "fast", { allowVolumeExpansion: true });
  world.create(withExecutors(claim("10Gi", "fast")));
  await world.rest();
  world.edit(() => ({ spec: withExecutors(claim("20Gi", "fast")) }));
  await settle();
  const grown = world.get("/persistentvolumeclaims", "data/data-sales-executor-0-0");
  expect(JSON.stringify(grown)).toContain('"requests":{"storage":"20Gi"}');
  await world.restart();
  world.edit(() => ({ spec: withExecutors(claim("10Gi", "fast")) }));
  await settle();
  expect(world.condition("ConfigValid")).toMatchObject({
    reason: "InvalidSpec",
    message: "spec.executorSpec.volumeClaimTemplates: a volume can grow but not shrink",
  });
});

test("there is no storage class", async () => {
  world.create(withExecutors(claim("10Gi", "fast")));
  await settle();
  const path = "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName";
  expect(world.condition("ConfigValid")).toMatchObject({
    reason: "MissingStorageClass",
    message: `${path}: storage class fast does not exist.`,
  });
  world.edit(() => ({ spec: withExecutors(claim("10Gi")) }));
  await settle();
  expect(world.condition("ConfigValid")?.message).toBe(
    `${path}: no storage class is named, and there is no default storage class.`,
  );
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  world.api.store.put("storage.k8s.io/storageclasses", {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "fast", annotations },
  });
  await world.rest();
  expect(world.condition("Ready")?.status).toBe("True");
});

test("two clusters have one state location: the younger is refused until the older goes", async () => {
  world.create(specOf());
  world.create(specOf(text.replace("s3://bucket/sales", "s3://bucket/sales/")), { name: "copy" });
  await world.rest();
  await settle("data/copy");
  expect(world.condition("ConfigValid", "data/copy")).toMatchObject({
    status: "False",
    reason: "StateLocationInUse",
    message: expect.stringContaining(
      "s3://bucket/sales is the state location of the older SpicepodCluster data/sales",
    ),
  });
  expect(world.condition("Ready")?.status).toBe("True");
  expect(world.api.store.get("apps/deployments", "data/copy-scheduler")).toBeUndefined();
  world.api.store.delete("spice.ai/spicepodclusters", key);
  await world.flush();
  await world.operator.reconcile(key);
  await world.rest("data/copy");
  expect(world.condition("Ready", "data/copy")?.status).toBe("True");
});

describe("a spicepod in a ConfigMap", () => {
  const ref = { schedulerSpec: { spicepodConfigMapRef: { name: "pod" } } };
  const pod = (location: string) =>
    `name: sales\nruntime: { scheduler: { state_location: "${location}" } }\ndatasets: []\n`;
  const give = (data: object) => put("/configmaps", "ConfigMap", "pod", { data });

  test("is followed when it changes", async () => {
    give({ "spicepod.yaml": pod("s3://a/b") });
    world.create(ref);
    await world.rest();
    const reads = () => world.api.requests.filter(({ path }) => path.endsWith("/configmaps/pod")).length;
    const before = reads();
    await world.operator.reconcile();
    expect(reads()).toBe(before);
    give({ "spicepod.yaml": pod("s3://a/c") });
    await world.rest();
    const rendered = world.get("/configmaps", "data/sales-spicepod");
    expect(JSON.stringify(rendered)).toContain("s3://a/c");
    expect(rendered.metadata.annotations).toMatchObject({ "spice.ai/spicepod-generation": "2" });
    // Only the rendered ConfigMap is kept whole.
    expect(world.operator.caches.child("configMap", "data/pod")).not.toHaveProperty("data");
  });

  test.each([
    [{ other: "" }, "ConfigMap data/pod has no key spicepod.yaml."],
    [{ "spicepod.yaml": "datasts: []" }, "ConfigMap pod, key spicepod.yaml, line 1:"],
  ])("is judged: %j", async (data, message) => {
    give(data);
    world.create(ref);
    await settle();
    expect(world.condition("ConfigValid")?.message).toContain(message);
    give({ "spicepod.yaml": pod("s3://a/b") });
    await world.rest();
    expect(world.condition("ConfigValid")?.status).toBe("True");
  });

  test("has a state location that is told when the cluster is deleted", async () => {
    give({ "spicepod.yaml": pod("s3://a/b") });
    world.create(ref);
    await world.rest();
    const deletionTimestamp = new Date(world.clock.wallMs()).toISOString();
    world.edit(({ metadata }) => ({ metadata: { ...metadata, deletionTimestamp } }));
    await settle();
    expect(world.operator.events).toContainEqual(
      expect.objectContaining({ note: "Left behind: the cluster's state at s3://a/b." }),
    );
  });

  test("has a state location that two schedulers can share", async () => {
    give({ "spicepod.yaml": "name: sales\n" });
    world.create({ schedulerSpec: { replicas: 2, spicepodConfigMapRef: { name: "pod" } } });
    await settle();
    expect(world.condition("ConfigValid")?.message).toContain("more than one scheduler needs");
  });
});

describe("a root of the user's own", () => {
  const body = () => ({ ...specOf(), certificates: { rootSecretRef: { name: "mine" } } }) as JsonObject;

  test("is missing, then not one, then used", async () => {
    const { createRoot } = await import("@spice-shards/certificates");
    world.create(body());
    await settle();
    expect(world.condition("CertificatesReady")).toMatchObject({
      status: "False",
      reason: "MissingSecret",
      message: "spec.certificates.rootSecretRef.name: Secret data/mine does not exist.",
    });
    const encode = (value: string) => Buffer.from(value).toString("base64");
    const time = { nowMs: world.clock.wallMs(), validMs: 1e11 };
    const [one, two] = [await createRoot("one", time), await createRoot("two", time)];
    put("/secrets", "Secret", "mine", {
      data: { "tls.crt": encode(one.certificate), "tls.key": encode(two.key) },
    });
    await settle();
    expect(world.condition("CertificatesReady")).toMatchObject({
      status: "False",
      reason: "InvalidSecret",
      message: "spec.certificates.rootSecretRef.name: Secret data/mine: tls.key is not the key of tls.crt.",
    });
    const over = await createRoot("over", { nowMs: Date.UTC(2020, 0, 1), validMs: 86_400_000 });
    put("/secrets", "Secret", "mine", {
      data: { "tls.crt": encode(over.certificate), "tls.key": encode(over.key) },
    });
    await settle();
    await settle();
    expect(world.condition("CertificatesReady")).toMatchObject({
      status: "False",
      reason: "InvalidSecret",
      message:
        "spec.certificates.rootSecretRef.name: Secret data/mine: tls.crt expired at 2020-01-02T00:00:00.000Z.",
    });
    put("/secrets", "Secret", "mine", {
      data: { "tls.crt": encode(one.certificate), "tls.key": encode(one.key) },
    });
    await world.rest();
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.admin.dialled.at(-1)?.tls?.ca).toBe(one.certificate);
    // Another certificate in it begins a rotation, at the next resync.
    put("/secrets", "Secret", "mine", {
      data: { "tls.crt": encode(two.certificate), "tls.key": encode(two.key) },
    });
    await world.clock.advance(600_000);
    await world.rest();
    expect(world.admin.dialled.at(-1)?.tls?.ca).toBe(two.certificate);
    expect(world.admin.untrusted()).toEqual([]);
  });
});

test("a root's Secret that somebody broke stops the certificates and nothing that runs", async () => {
  world.create(specOf());
  await world.rest();
  const secret = world.get("/secrets", "data/sales-ca") as { data?: object };
  const broken = { ...secret, data: { ...secret.data, "tls.crt": Buffer.from("no PEM").toString("base64") } };
  world.api.store.put("/secrets", broken as never);
  await world.clock.advance(600_000);
  await settle();
  expect(world.condition("CertificatesReady")).toMatchObject({
    reason: "InvalidSecret",
    message:
      "Secret data/sales-ca: tls.crt cannot be read as PEM. Restore it, or delete it to begin a rotation to another root.",
  });
  expect(world.status().executors).toEqual({ ready: 2, total: 2 });
  world.api.store.put("/secrets", secret as never);
  await world.rest();
  expect(world.condition("Ready")?.status).toBe("True");
});
