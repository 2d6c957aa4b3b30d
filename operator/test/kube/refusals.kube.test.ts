/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import { Forwarder } from "../../../kube/test/support/forwarder.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import type { ClusterObject } from "./support/cluster-objects.ts";
import { conditionOf } from "./support/operator-bed.ts";
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
  let webhook: Forwarder | undefined;
  /** Where a good cluster runs, `sales`, whose state is at `s3://bucket/sales`. */
  let namespace: string;
  let pods: readonly (string | undefined)[];

  beforeAll(async () => {
    bed = await ProcessBed.start(["replicas=1", "webhook.failurePolicy=Fail"]);
    const operator = await bed.operate();
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

  const secretPath = "spec.executorSpec.envFromSource[0].secretRef";
  const needsSecret = { envFromSource: [{ secretRef: { name: "keys" } }] };
  const mapPath = "spec.schedulerSpec.spicepodConfigMapRef.name";
  const classPath = "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName";
  const locationPath = "spec.schedulerSpec.spicepod.runtime.scheduler.state_location";

  it.each([
    [
      "unknown fields",
      () => good("new", { executors: { replica: 3 } }),
      'unknown field "spec.executorSpec.replica"',
    ],
    [
      "wrong types",
      () => good("new", { executors: { replicas: "two" } }),
      "spec.executorSpec.replicas: Invalid value",
    ],
    ["an invalid spicepod", () => good("new", { spicepod: { datasts: [] } }), "Did you mean `datasets`?"],
    [
      "reserved labels",
      () => good("new", { executors: { labels: { "spice.ai/cluster": "mine" } } }),
      "labels that begin with spice.ai/ are reserved for the operator",
    ],
    [
      "a name that is too long for names derived from it",
      () => good("n".repeat(39)),
      "the name of a cluster can have at most 38 characters",
    ],
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
      "s3://bucket/sales is the state location of the older SpicepodCluster",
    ],
    [
      "a volume that shrinks",
      () => good("sales", { executors: claim("9Gi", "fast") }),
      "spec.executorSpec.volumeClaimTemplates: Forbidden: a volume can grow but not shrink",
    ],
    ["a Secret that is missing", () => good("new", { executors: needsSecret }), `${secretPath}: Secret `],
    [
      "a ConfigMap that is missing",
      () => {
        const cluster = good("new");
        const schedulerSpec = { spicepodConfigMapRef: { name: "pod" } };
        return { ...cluster, spec: { ...cluster.spec, schedulerSpec } };
      },
      `${mapPath}: ConfigMap `,
    ],
  ] as const)("is told by kubectl: %s", async (_, cluster, message) => {
    expect(await said(cluster() as ClusterObject)).toContain(message);
  });

  it.each([
    [
      "an invalid spicepod",
      { schedulerSpec: { spicepod: { datasts: [] } } },
      { schedulerSpec: { spicepod: { datasts: null } } },
      "InvalidSpicepod",
      "Did you mean `datasets`?",
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
    async (_, bad, back, reason, message) => {
      await bed.change(namespace, { metadata: off, spec: bad as JsonObject });
      const condition = await refusal("sales");
      expect(condition).toMatchObject({ reason });
      expect(condition.message).toContain(message.replace("NAMESPACE", namespace));
      const { status } = await bed.read(namespace);
      for (const type of ["Degraded", "Stalled"])
        expect(conditionOf(status, type)).toMatchObject({ status: "True", reason });
      expect(running()).toEqual(pods);
      await bed.change(namespace, { spec: back as JsonObject });
      await bed.settled(namespace);
      expect(running()).toEqual(pods);
    },
    90_000,
  );

  it.each([
    [
      "slow",
      () => good("slow", { executors: claim("1Gi", "slow") }),
      "MissingStorageClass",
      "storage class slow does not exist.",
    ],
    [
      "copy",
      () => good("copy", { spicepod: location("sales") }),
      "StateLocationInUse",
      `${locationPath}: s3://bucket/sales is the state location of the older SpicepodCluster`,
    ],
  ] as const)(
    "is not begun where admission lets it in: %s",
    async (name, cluster, reason, message) => {
      const { metadata, ...rest } = cluster() as ClusterObject;
      await bed.admin.create<ClusterObject>(types.cluster, { ...rest, metadata: { ...metadata, ...off } });
      const condition = await refusal(name);
      expect(condition.reason).toBe(reason);
      expect(condition.message).toContain(message);
      const { items } = await bed.admin.list<KubeObject>(types.deployment, { namespace });
      expect(items.map((item) => item.metadata.name)).toEqual(["sales-scheduler"]);
      expect(running()).toEqual(pods);
      await bed.admin.delete(types.cluster, { namespace, name });
    },
    60_000,
  );

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
  }, 90_000);
});
