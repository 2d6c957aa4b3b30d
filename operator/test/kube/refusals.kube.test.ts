/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import { Forwarder } from "../../../kube/test/support/forwarder.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import type { ClusterObject } from "./support/cluster-objects.ts";
import { conditionOf } from "./support/operator-bed.ts";
import type { OperatorReplica } from "./support/operator-replica.ts";
import { ProcessBed } from "./support/process-bed.ts";

const location = (path: string) => ({ runtime: { scheduler: { state_location: `s3://bucket/${path}` } } });
const claim = (storage: string, storageClassName: string) => ({
  volumeClaimTemplates: [
    { metadata: { name: "data" }, spec: { storageClassName, resources: { requests: { storage } } } },
  ],
});
const off = { annotations: { "spice.ai/validation-level": "off" } };

describe("what cannot be run", () => {
  let bed: ProcessBed;
  let operator: OperatorReplica;
  let webhook: Forwarder | undefined;
  /** Where a good cluster runs, `sales`, whose state is at `s3://bucket/sales`. */
  let namespace: string;
  let pods: readonly (string | undefined)[];

  beforeAll(async () => {
    bed = await ProcessBed.start(["replicas=1", "webhook.failurePolicy=Fail"]);
    operator = await bed.operate();
    const service = { namespace: "spice-system", name: "spiceai-operator-webhook" };
    const { spec } = await bed.admin.get<KubeObject & { spec: { clusterIP: string } }>(
      types.service,
      service,
    );
    webhook = await Forwarder.start(spec.clusterIP, 443, operator.webhookAddress);
    await bed.admin.create<KubeObject & { allowVolumeExpansion: boolean; provisioner: string }>(
      types.storageClass,
      {
        ...{ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name: "fast" } },
        ...{ provisioner: "example.test/none", allowVolumeExpansion: true },
      },
    );
    namespace = await bed.api.namespace("refusals");
    await eventually(
      "the webhook to answer",
      () => bed.admin.create(types.cluster, good(), { dryRun: true }),
      {
        timeoutMs: 60_000,
      },
    );
    await bed.admin.create(types.cluster, good());
    await bed.settled(namespace);
    pods = running();
  }, 180_000);
  afterEach(() => bed.leaveIfFailed());
  afterAll(async () => {
    await webhook?.stop();
    await bed?.stop();
  });

  const good = (
    name = "sales",
    more: { metadata?: JsonObject; spicepod?: JsonObject; executors?: object } = {},
  ) =>
    bed.clusterOf(namespace, {
      metadata: { name, ...more.metadata },
      schedulerSpec: { spicepod: { datasets: [], ...location(name), ...more.spicepod } },
      executorSpec: { ...claim("10Gi", "fast"), ...more.executors } as JsonObject,
    });

  const running = () => bed.kubelet.list(namespace).map(({ metadata }) => metadata.uid);

  /** What kubectl says of a resource, be it an error or a warning. */
  async function said(cluster: ClusterObject): Promise<string> {
    const apply = ["apply", "--dry-run=server", "--warnings-as-errors", "-f", "-"];
    return await bed.api
      .kubectl(apply, { stdin: JSON.stringify(cluster) })
      .catch((error: Error) => error.message);
  }

  /** Waits until a condition of a cluster's present generation is False; answers it. */
  function refusal(name: string) {
    return eventually(`ConfigValid False for ${name}`, async () => {
      const { metadata, status = {} } = await bed.read(namespace, name);
      const found = conditionOf(status, "ConfigValid");
      return status["observedGeneration"] === metadata.generation && found?.status === "False" && found;
    });
  }

  /** A change that admission lets through is refused by a condition; what runs goes on, also when it is taken back. */
  async function refusesAndGoesOn(bad: JsonObject, back: JsonObject, reason: string, message: string) {
    await bed.change(namespace, { metadata: off, spec: bad });
    const condition = await refusal("sales");
    expect(condition).toMatchObject({ reason, message: message.replaceAll("NAMESPACE", namespace) });
    const { status } = await bed.read(namespace);
    for (const type of ["Degraded", "Stalled"])
      expect(conditionOf(status, type)).toMatchObject({ status: "True", reason });
    expect(running()).toEqual(pods);
    await bed.change(namespace, { spec: back });
    await bed.settled(namespace);
    expect(running()).toEqual(pods);
  }

  const secretPath = "spec.executorSpec.envFromSource[0].secretRef";
  const needsSecret = { envFromSource: [{ secretRef: { name: "keys" } }] };
  const mapPath = "spec.schedulerSpec.spicepodConfigMapRef.name";
  const classPath = "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName";
  const locationPath = "spec.schedulerSpec.spicepod.runtime.scheduler.state_location";

  const reserved = { labels: { "spice.ai/cluster": "mine" } };
  const longName = "n".repeat(39);
  const spicepodMessage =
    "spec.schedulerSpec.spicepod.datasts: unknown field `datasts`. Did you mean `datasets`?";
  const reservedMessage = "labels that begin with spice.ai/ are reserved for the operator";
  const nameMessage =
    "the name of a cluster can have at most 38 characters, since the names of its executors' pods begin with it";
  const sharedMessage = `${locationPath}: s3://bucket/sales is the state location of the older SpicepodCluster NAMESPACE/sales; two clusters with one would destroy each other's state.`;

  it.each([
    [
      "unknown fields",
      () => good("new", { executors: { replica: 3 } }),
      'unknown field "spec.executorSpec.replica"',
    ],
    [
      "wrong types",
      () => good("new", { executors: { replicas: "two" } }),
      'spec.executorSpec.replicas: Invalid value: "string": spec.executorSpec.replicas in body must be of type integer: "string"',
    ],
    ["an invalid spicepod", () => good("new", { spicepod: { datasts: [] } }), spicepodMessage],
    ["reserved labels", () => good("new", { executors: reserved }), reservedMessage],
    ["a name that is too long for names derived from it", () => good(longName), nameMessage],
    [
      "a storage class that does not exist",
      () => good("new", { executors: claim("1Gi", "slow") }),
      `${classPath}: storage class slow does not exist.`,
    ],
    [
      "no storage class at all",
      () => good("new", { executors: claim("1Gi", "") }),
      `${classPath}: no storage class is named, and there is no default storage class.`,
    ],
    [
      "the state location of another cluster",
      () => good("new", { spicepod: location("sales") }),
      sharedMessage,
    ],
    [
      "a volume that shrinks",
      () => good("sales", { executors: claim("9Gi", "fast") }),
      "spec.executorSpec.volumeClaimTemplates: Forbidden: a volume can grow but not shrink",
    ],
    [
      "a Secret that is missing",
      () => good("new", { executors: needsSecret }),
      `Warning: ${secretPath}: Secret NAMESPACE/keys does not exist.`,
    ],
    [
      "a ConfigMap that is missing",
      () => {
        const cluster = good("new");
        const schedulerSpec = { spicepodConfigMapRef: { name: "pod" } };
        return { ...cluster, spec: { ...cluster.spec, schedulerSpec } };
      },
      `Warning: ${mapPath}: ConfigMap NAMESPACE/pod does not exist.`,
    ],
  ] as const)("is told by kubectl: %s", async (_, cluster, message) => {
    const text = await said(cluster() as ClusterObject);
    expect(text).toContain(message.replaceAll("NAMESPACE", namespace));
  });

  it.each([
    [
      "an invalid spicepod",
      { schedulerSpec: { spicepod: { datasts: [] } } },
      { schedulerSpec: { spicepod: { datasts: null } } },
      "InvalidSpicepod",
      spicepodMessage,
    ],
    [
      "a Secret that is missing",
      { executorSpec: needsSecret },
      { executorSpec: { envFromSource: null } },
      "MissingSecret",
      `${secretPath}: Secret NAMESPACE/keys does not exist.`,
    ],
    [
      "a ConfigMap that is missing",
      { schedulerSpec: { spicepod: null, spicepodConfigMapRef: { name: "pod" } } },
      {
        schedulerSpec: { spicepod: { datasets: [], ...location("sales") }, spicepodConfigMapRef: null },
      },
      "MissingConfigMap",
      `${mapPath}: ConfigMap NAMESPACE/pod does not exist.`,
    ],
  ])(
    "is told by a condition, and running pods are left alone: %s",
    (_, bad, back, reason, message) =>
      refusesAndGoesOn(bad as JsonObject, back as JsonObject, reason, message),
    180_000,
  );

  it.each([
    [
      "slow",
      () => good("slow", { executors: claim("1Gi", "slow") }),
      "MissingStorageClass",
      `${classPath}: storage class slow does not exist.`,
    ],
    [
      "any",
      () => good("any", { executors: claim("1Gi", "") }),
      "MissingStorageClass",
      `${classPath}: no storage class is named, and there is no default storage class.`,
    ],
    ["copy", () => good("copy", { spicepod: location("sales") }), "StateLocationInUse", sharedMessage],
  ] as const)(
    "is not begun where admission lets it in: %s",
    async (name, cluster, reason, message) => {
      const { metadata, ...rest } = cluster() as ClusterObject;
      await bed.admin.create<ClusterObject>(types.cluster, { ...rest, metadata: { ...metadata, ...off } });
      const condition = await refusal(name);
      expect(condition.reason).toBe(reason);
      expect(condition.message).toBe(message.replaceAll("NAMESPACE", namespace));
      const { items } = await bed.admin.list<KubeObject>(types.deployment, { namespace });
      expect(items.map((item) => item.metadata.name)).toEqual(["sales-scheduler"]);
      expect(running()).toEqual(pods);
      await bed.admin.delete(types.cluster, { namespace, name });
    },
    180_000,
  );

  describe("where the CustomResourceDefinition has no rules, as one of an older version", () => {
    const crds = {
      ...{ group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" },
      ...{ kind: "CustomResourceDefinition", namespaced: false },
    };

    beforeAll(async () => {
      const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
      const openAPIV3Schema = { type: "object", properties: { spec: open, status: open } };
      const body = [{ op: "replace", path: "/spec/versions/0/schema", value: { openAPIV3Schema } }];
      const target = { name: "spicepodclusters.spice.ai" };
      await bed.admin.patch(crds, target, { type: "json", body });
      await eventually("the rules to be gone", () =>
        bed.admin.create(
          types.cluster,
          { ...good(longName), metadata: { name: longName, namespace, ...off } },
          { dryRun: true },
        ),
      );
      // Watches that are open go on with the rules that there were when they began.
      operator.proxy.cutAll();
    });

    it.each([
      [
        "unknown fields",
        { executorSpec: { replica: 3 } },
        { executorSpec: { replica: null } },
        "spec.executorSpec.replica: unknown field. Did you mean replicas?",
      ],
      [
        "wrong types",
        { executorSpec: { terminationGracePeriodSeconds: "long" } },
        { executorSpec: { terminationGracePeriodSeconds: 60 } },
        'spec.executorSpec.terminationGracePeriodSeconds: must be a whole number, found "long".',
      ],
      [
        "reserved labels",
        { executorSpec: reserved },
        { executorSpec: { labels: null } },
        `spec.executorSpec.labels: ${reservedMessage}`,
      ],
      [
        "a volume that shrinks",
        { executorSpec: claim("9Gi", "fast") },
        { executorSpec: claim("10Gi", "fast") },
        "spec.executorSpec.volumeClaimTemplates: a volume can grow but not shrink",
      ],
    ])(
      "conditions say the same: %s",
      (_, bad, back, message) =>
        refusesAndGoesOn(bad as never as JsonObject, back as never as JsonObject, "InvalidSpec", message),
      180_000,
    );

    it("conditions say the same: a name that is too long", async () => {
      const { metadata, ...rest } = good(longName);
      await bed.admin.create<ClusterObject>(types.cluster, { ...rest, metadata: { ...metadata, ...off } });
      expect(await refusal(longName)).toMatchObject({
        reason: "InvalidSpec",
        message: `metadata.name: ${nameMessage}`,
      });
      const { items } = await bed.admin.list<KubeObject>(types.deployment, { namespace });
      expect(items.map((item) => item.metadata.name)).toEqual(["sales-scheduler"]);
      await bed.admin.delete(types.cluster, { namespace, name: longName });
    }, 180_000);
  });

  it("stops executors at replicas 0 and keeps everything else", async () => {
    const sets = () => bed.admin.list<KubeObject>(types.statefulSet, { namespace });
    const claims = () => bed.admin.list<KubeObject>(types.claim, { namespace });
    const uids = (items: readonly KubeObject[]) => items.map(({ metadata }) => metadata.uid);
    const before = [uids((await sets()).items), uids((await claims()).items)];
    const [scheduler] = bed.schedulers.pods(namespace, "scheduler");
    await bed.change(namespace, { spec: { executorSpec: { replicas: 0 } } });
    const paused = await eventually("Paused", async () => {
      const { status } = await bed.read(namespace);
      const found = conditionOf(status, "Paused");
      return found?.status === "True" && found;
    });
    expect(paused).toMatchObject({
      reason: "NoExecutors",
      message: "executorSpec.replicas is 0: executors are stopped, their volumes are kept",
    });
    await eventually("the executors to stop", () => bed.schedulers.pods(namespace, "executor").length === 0);
    expect([uids((await sets()).items), uids((await claims()).items)]).toEqual(before);
    expect(bed.schedulers.pods(namespace, "scheduler").map(({ metadata }) => metadata.uid)).toEqual([
      scheduler?.metadata.uid,
    ]);
    await bed.change(namespace, { spec: { executorSpec: { replicas: 2 } } });
    await bed.settled(namespace);
    expect(bed.kubelet.failures).toEqual([]);
  }, 180_000);
});
