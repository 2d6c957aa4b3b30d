/** @jest-environment ./scripts/jest/environment.mjs */
import { X509Certificate } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createRoot } from "@spice-shards/certificates";
import type { KubeObject } from "@spice-shards/kube";
import { type Pod, usualFate } from "../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import { conditionOf, imagesOf, isReady, OperatorBed } from "./support/operator-bed.ts";
import { livedPaths } from "./support/path-cases.ts";

const dayMs = 86_400_000;

describe("effects of a SpicepodCluster that only a running operator shows", () => {
  let bed: OperatorBed;
  const shown = new Set<string>();

  beforeAll(async () => {
    bed = await OperatorBed.start();
    await bed.api.provideVolumes();
  });
  afterEach(() => bed.stopOperator());
  afterAll(() => bed?.stop());

  const shows = (...paths: (typeof livedPaths)[number][]) => {
    for (const path of paths) shown.add(path);
  };

  async function certificateOf(namespace: string, name: string): Promise<X509Certificate> {
    const secret = await bed.admin.get<KubeObject & { data: Record<string, string> }>(types.secret, {
      ...{ namespace, name },
    });
    return new X509Certificate(Buffer.from(secret.data["tls.crt"] ?? "", "base64"));
  }

  const daysOf = (certificate: X509Certificate) =>
    Math.round((certificate.validToDate.getTime() - Date.now()) / dayMs);

  it("makes certificates as long as they are asked for, under the root that was given", async () => {
    bed.operate();
    const own = await createRoot("mine", { nowMs: Date.now(), validMs: 300 * dayMs });
    const given = await bed.api.namespace("given");
    const data = {
      "tls.crt": Buffer.from(own.certificate).toString("base64"),
      "tls.key": Buffer.from(own.key).toString("base64"),
    };
    await bed.admin.create<KubeObject & { data: object }>(types.secret, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "mine", namespace: given }, data },
    });
    const withRoot = { certificates: { rootSecretRef: { name: "mine" } } };
    await bed.admin.create(types.cluster, bed.clusterOf(given, withRoot));
    const asked = await bed.create({ certificates: { rootValidity: "40d", leafValidity: "9d" } }, "asked");
    await Promise.all([bed.ready(given), bed.ready(asked)]);
    const leaf = await certificateOf(asked, "sales-executor-1-tls");
    expect([daysOf(await certificateOf(asked, "sales-ca")), daysOf(leaf)]).toEqual([40, 9]);
    const issued = await certificateOf(given, "sales-scheduler-tls");
    expect([issued.issuer, daysOf(issued)]).toEqual(["CN=mine", 90]);
    expect(issued.verify(new X509Certificate(own.certificate).publicKey)).toBe(true);
    shows("certificates.rootSecretRef.name", "certificates.rootValidity", "certificates.leafValidity");
  });

  it("changes nothing while paused", async () => {
    bed.operate({ settings: { resyncMs: 500 } });
    const namespace = await bed.create({}, "paused");
    await bed.ready(namespace);
    await bed.change(namespace, { paused: true });
    await bed.condition(namespace, "Paused", "True");
    const service = { namespace, name: "sales" };
    await bed.admin.delete(types.service, service);
    await bed.change(namespace, { image: { tag: "2.0.0" } });
    await delay(1500);
    expect([...(await bed.children(namespace)).keys()]).not.toContain("Service/sales");
    const images = () => imagesOf([...bed.pods(namespace, "executor"), ...bed.pods(namespace, "scheduler")]);
    expect(images().some((image) => image.endsWith(":2.0.0"))).toBe(false);
    await bed.change(namespace, { paused: false });
    await eventually("the service", () => bed.admin.get(types.service, service));
    await eventually("the image", () => images().every((image) => image.endsWith(":2.0.0")));
    shows("paused");
  });

  it("reads a spicepod from a ConfigMap, by its name and key", async () => {
    bed.operate();
    const ref = { name: "pods", key: "my.yaml" };
    const namespace = await bed.create({ schedulerSpec: { spicepodConfigMapRef: ref } }, "map");
    const status = await bed.condition(namespace, "ConfigValid", "False");
    const { reason, message } = conditionOf(status, "ConfigValid") ?? {};
    expect(reason).toBe("MissingConfigMap");
    expect(message).toContain(`${namespace}/pods`);
    await bed.admin.create<KubeObject & { data: object }>(types.configMap, {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "pods", namespace } },
      data: { "spicepod.yaml": "name: wrong\ndatasets: []\n", "my.yaml": "name: right\ndatasets: []\n" },
    });
    await bed.ready(namespace);
    const target = { namespace, name: "sales-spicepod" };
    const made = await bed.admin.get<KubeObject & { data: Record<string, string> }>(types.configMap, target);
    expect(made.data["spicepod.yaml"]).toContain("name: right");
    shows("schedulerSpec.spicepodConfigMapRef.name", "schedulerSpec.spicepodConfigMapRef.key");
  });

  it("replaces as many executors at once as it may", async () => {
    bed.operate();
    const updateStrategy = { type: "RollingParallel", maxUnavailable: 3 };
    const namespace = await bed.create({ executorSpec: { replicas: 4, updateStrategy } }, "parallel");
    await bed.ready(namespace);
    // The canary is ready at once; those after it are held until two of them are seen together.
    const isNew = (pod: Pod) => imagesOf([pod]).every((image) => image.endsWith(":3.0.0"));
    let canary: string | undefined;
    let held = true;
    bed.kubelet.fate = (pod) => {
      if (!isNew(pod)) return { kind: "ready" };
      canary ??= pod.metadata.uid;
      return held && pod.metadata.uid !== canary ? { kind: "unready" } : { kind: "ready" };
    };
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, 4 - bed.pods(namespace, "executor").filter(isReady).length);
    }, 20);
    try {
      await bed.change(namespace, { executorSpec: { image: { tag: "3.0.0" } } });
      await eventually("two at once", () => most >= 2);
      held = false;
      bed.kubelet.look();
      await eventually("all to be replaced", () => bed.pods(namespace, "executor").every(isNew));
      await bed.ready(namespace);
    } finally {
      clearInterval(watching);
      bed.kubelet.fate = usualFate;
    }
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    shows("executorSpec.updateStrategy.type", "executorSpec.updateStrategy.maxUnavailable");
  });

  const withClaim = (storage: string, more: JsonObject = {}): JsonObject => ({
    executorSpec: {
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { resources: { requests: { storage } } } }],
      ...more,
    },
  });

  it("lets volumes grow without ending a pod", async () => {
    bed.operate();
    const namespace = await bed.create(withClaim("1Gi"), "grow");
    await bed.ready(namespace);
    const pods = () => bed.pods(namespace, "executor").map(({ metadata }) => metadata.uid);
    const before = pods();
    await bed.change(namespace, withClaim("2Gi"));
    await eventually("both volumes to have grown", async () => {
      const { items } = await bed.admin.list<KubeObject & { status: { capacity?: { storage: string } } }>(
        types.claim,
        { namespace },
      );
      return items.length === 2 && items.every(({ status }) => status.capacity?.storage === "2Gi");
    });
    await bed.ready(namespace);
    expect(pods()).toEqual(before);
  });

  it.each([
    ["Delete", false],
    ["Retain", true],
  ])(
    "lets claims of executors that leave be as asked: %s",
    async (whenScaled, stays) => {
      bed.operate();
      const spec = withClaim("1Gi", { persistentVolumeClaimRetentionPolicy: { whenScaled } });
      const namespace = await bed.create(spec, "claims");
      await bed.ready(namespace);
      await bed.change(namespace, { executorSpec: { replicas: 1 } });
      await eventually("the executor to leave", async () => {
        const keys = [...(await bed.children(namespace)).keys()];
        return !keys.includes("StatefulSet/sales-executor-1");
      });
      const target = { namespace, name: "data-sales-executor-1-0" };
      const isThere = () =>
        bed.admin.get(types.claim, target).then(
          () => true,
          () => false,
        );
      if (stays) {
        await delay(500);
        expect(await isThere()).toBe(true);
      } else {
        await eventually("the claim to be gone", async () => !(await isThere()));
      }
      shows("executorSpec.persistentVolumeClaimRetentionPolicy.whenScaled");
    },
    180_000,
  );

  it.each([
    ["Delete", "Left behind: the cluster's state at s3://bucket/kept."],
    [
      "Retain",
      "Left behind: the volume claims data-sales-executor-0-0, data-sales-executor-1-0 and the cluster's state at s3://bucket/kept.",
    ],
  ])(
    "lets claims of a cluster that is deleted be as asked, and says what stays: %s",
    async (whenDeleted, left) => {
      bed.operate();
      const state_location = "s3://bucket/kept";
      const spec = {
        ...withClaim("1Gi", { persistentVolumeClaimRetentionPolicy: { whenDeleted } }),
        schedulerSpec: { spicepod: { runtime: { scheduler: { state_location } }, datasets: [] } },
      };
      const namespace = await bed.create(spec, "deleted");
      await bed.ready(namespace);
      await bed.admin.delete(types.cluster, { namespace, name: "sales" });
      await eventually(
        "the children to be collected",
        async () => (await bed.children(namespace)).size === 0,
      );
      await eventually("what stays to be told", async () =>
        (await bed.api.kubectl(["get", "events.events.k8s.io", "-n", namespace, "-o", "json"])).includes(
          left,
        ),
      );
      const claims = async () => (await bed.admin.list<KubeObject>(types.claim, { namespace })).items;
      if (whenDeleted === "Delete")
        await eventually("no claim to be left", async () => (await claims()).length === 0);
      else {
        await delay(500);
        expect(await claims()).toHaveLength(2);
      }
    },
    180_000,
  );

  it("removes the state of a cluster that is deleted, by a Job under the restricted Pod Security Standard", async () => {
    bed.operate();
    const namespace = await bed.api.namespace("state", {
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    const state_location = "s3://bucket/removed";
    const spec = {
      schedulerSpec: { spicepod: { runtime: { scheduler: { state_location } }, datasets: [] } },
      stateRetentionPolicy: { whenDeleted: "Delete" },
    };
    await bed.admin.create(types.cluster, bed.clusterOf(namespace, spec));
    await bed.ready(namespace);
    const isRemoval = ({ metadata }: KubeObject) =>
      metadata.name?.startsWith("sales-state-removal-") === true;
    bed.kubelet.fate = (pod) => (isRemoval(pod) ? { kind: "pending" } : usualFate(pod));
    try {
      await bed.admin.delete(types.cluster, { namespace, name: "sales" });
      const pods = async () => (await bed.admin.list<KubeObject>(types.pod, { namespace })).items;
      await eventually("the pod of the Job", async () => (await pods()).some(isRemoval));
      // All that could still write is gone.
      expect((await pods()).filter((pod) => !isRemoval(pod))).toEqual([]);
      bed.kubelet.fate = usualFate;
      await eventually("nothing to be left behind", async () =>
        (await bed.api.kubectl(["get", "events.events.k8s.io", "-n", namespace, "-o", "json"])).includes(
          "Nothing is left behind.",
        ),
      );
      await eventually(
        "the children to be collected",
        async () => (await bed.children(namespace)).size === 0,
      );
    } finally {
      bed.kubelet.fate = usualFate;
    }
    shows("stateRetentionPolicy.whenDeleted");
  }, 60_000);

  it("are all shown", () => {
    expect([...shown].toSorted()).toEqual(livedPaths.toSorted());
  });
});
