/** @jest-environment ./scripts/jest/environment.mjs */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import { conditionOf, OperatorBed } from "./support/operator-bed.ts";

const claim = (storageClassName: string): JsonObject => ({
  volumeClaimTemplates: [
    {
      metadata: { name: "data" },
      spec: { storageClassName, resources: { requests: { storage: "1Gi" } } },
    },
  ],
});
const located = (state_location: string): JsonObject => ({
  spicepod: { runtime: { scheduler: { state_location } }, datasets: [] },
});

describe("what blocks a cluster on a real API server", () => {
  let bed: OperatorBed;

  beforeAll(async () => {
    bed = await OperatorBed.start();
  });
  afterEach(() => bed.stopOperator());
  afterAll(() => bed?.stop());

  /** The condition of the present generation once it is so. */
  const refused = async (namespace: string, reason: string) => {
    const status = await bed.condition(namespace, "ConfigValid", "False");
    const found = conditionOf(status, "ConfigValid");
    expect(found?.reason).toBe(reason);
    for (const type of ["Ready", "Degraded"]) expect(conditionOf(status, type)?.reason).toBe(reason);
    return found?.message ?? "";
  };

  it("a storage class that is not there, until it is", async () => {
    bed.operate();
    const namespace = await bed.create({ executorSpec: claim("late") }, "class");
    const path = "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName";
    expect(await refused(namespace, "MissingStorageClass")).toBe(
      `${path}: storage class late does not exist.`,
    );
    expect(bed.kubelet.list(namespace)).toEqual([]);
    await bed.admin.create(types.storageClass, {
      ...{ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name: "late" } },
      ...{ provisioner: "example.test/none" },
    });
    await bed.ready(namespace);
  });

  it("one state location for two clusters, until the older is gone", async () => {
    bed.operate();
    const schedulerSpec = located("s3://bucket/shared/");
    const namespace = await bed.create({ schedulerSpec }, "shared");
    await bed.ready(namespace);
    // Who is older is known to the second.
    await delay(1100);
    const copy = await bed.create({ schedulerSpec }, "copy");
    expect(await refused(copy, "StateLocationInUse")).toContain(
      `is the state location of the older SpicepodCluster ${namespace}/sales`,
    );
    expect(bed.kubelet.list(copy)).toEqual([]);
    await bed.ready(namespace);
    await bed.admin.delete(types.cluster, { namespace, name: "sales" });
    await bed.ready(copy);
  });

  it("executors that crash again and again pause the cluster until it is told to go on", async () => {
    const operator = bed.operate({ settings: { pauseCrashloopingPodsThreshold: 3 } });
    const namespace = await bed.create({}, "crash");
    await bed.ready(namespace);
    try {
      bed.kubelet.fate = ({ metadata }) =>
        metadata.namespace === namespace && metadata.name === "sales-executor-1-0"
          ? { kind: "waiting", reason: "CrashLoopBackOff", restarts: 5, lastError: "no space left" }
          : { kind: "ready" };
      const status = await bed.condition(namespace, "Paused", "True");
      expect(conditionOf(status, "Paused")).toMatchObject({
        reason: "CrashLooping",
        message: expect.stringContaining("no space left"),
      });
      expect(status["pause"]).toMatchObject({ reason: "CrashLooping", generation: 1 });
      expect((await bed.read(namespace)).spec["paused"]).toBe(false);
      expect(operator.events).toContain("CrashLooping");
    } finally {
      bed.kubelet.fate = () => ({ kind: "ready" });
    }
    const target = { namespace, name: "sales" };
    const annotations = { "spice.ai/resume": "now" };
    await bed.admin.patch(types.cluster, target, { type: "merge", body: { metadata: { annotations } } });
    await bed.condition(namespace, "Paused", "False");
    await bed.ready(namespace);
  });
});
