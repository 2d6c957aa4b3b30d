import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import type { JobObject, PodObject } from "../src/reconcile/objects.ts";
import type { JsonObject } from "../src/schema/schema.ts";
import { clusters, key, specOf, World } from "./support/world.ts";

const jobs = "batch/jobs";
const jobKey = "data/sales-state-removal";
let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

async function running(
  more: JsonObject = { stateRetentionPolicy: { whenDeleted: "Delete" } },
): Promise<void> {
  world.create({ ...specOf(), ...more });
  await world.rest();
}

function remove(): void {
  const cluster = world.get(clusters, key);
  const deletionTimestamp = new Date(world.clock.wallMs()).toISOString();
  world.api.store.put(clusters, { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp } });
}

type Specced = { readonly spec: JsonObject };

const isThere = () => world.api.store.get(clusters, key) !== undefined;
const job = () => world.api.store.get(jobs, jobKey) as (JobObject & { spec: JsonObject }) | undefined;
const nodes = () =>
  world.api.store
    .list("/pods")
    .map(({ metadata }) => metadata.name ?? "")
    .filter((name) => !name.startsWith("sales-state-removal"));

/** Rounds until something holds; what must never be is looked at in each. */
async function until(holds: () => boolean, each: () => void = () => {}): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return;
    await world.round();
    each();
    await world.clock.advance(2_000);
  }
  throw new Error("it never held");
}

function end(type: "Complete" | "Failed", message = ""): void {
  const present = job();
  if (present === undefined) throw new Error("there is no Job");
  const conditions = [{ type, status: "True", reason: "Because", message }];
  world.api.store.put(jobs, { ...present, status: { conditions } } as KubeObject);
}

/** The Job's controller and a kubelet. */
function runPod(lastWords?: string): void {
  const terminated = { exitCode: 1, reason: "Error", message: `starting\n${lastWords}\n` };
  world.api.store.put("/pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "sales-state-removal-abcde",
      namespace: "data",
      labels: { "spice.ai/cluster": "sales", "batch.kubernetes.io/job-name": "sales-state-removal" },
      creationTimestamp: new Date(world.clock.wallMs()).toISOString(),
    },
    status: {
      phase: "Running",
      ...(lastWords === undefined ? {} : { containerStatuses: [{ state: { terminated } }] }),
    },
  } as PodObject);
}

const lastEvent = () => world.operator.events.at(-1);

describe("the state of a deleted cluster", () => {
  test("is removed by a Job like a scheduler, once no node runs", async () => {
    await running();
    const template = (
      world.get("apps/deployments", "data/sales-scheduler") as KubeObject & { spec: JsonObject }
    ).spec["template"] as JsonObject;
    remove();
    await until(
      () => job() !== undefined,
      () => {
        if (job() !== undefined) expect(nodes()).toEqual([]);
      },
    );
    const pod = (template["spec"] as JsonObject) ?? {};
    const [scheduler] = pod["containers"] as readonly JsonObject[];
    const made = (world.get<JobObject & Specced>(jobs, jobKey).spec["template"] as JsonObject)[
      "spec"
    ] as JsonObject;
    const [container] = made["containers"] as readonly JsonObject[];
    expect(container).toMatchObject({
      image: scheduler?.["image"],
      env: scheduler?.["env"],
      securityContext: scheduler?.["securityContext"],
      command: ["/usr/local/bin/spice"],
      args: ["cluster", "state", "remove", "--spicepod", "/app/spicepod/spicepod.yaml"],
    });
    expect(Object.keys(container ?? {})).not.toContain("readinessProbe");
    expect(made).toMatchObject({ restartPolicy: "Never", securityContext: pod["securityContext"] });
    // It speaks to the store alone, so it gets no certificate.
    expect(JSON.stringify(made)).not.toContain("sales-scheduler-tls");
    expect(job()?.metadata.ownerReferences).toMatchObject([{ kind: "SpicepodCluster", name: "sales" }]);
    // Its own pod is no node to wait for.
    runPod();
    await world.round();
    expect(isThere()).toBe(true);
    end("Complete");
    await until(() => !isThere());
    expect(lastEvent()).toMatchObject({ type: "Normal", note: "Nothing is left behind." });
  });

  test.each([
    ["asked to", { stateRetentionPolicy: { whenDeleted: "Retain" } }],
    ["not asked", {}],
  ])("stays when it is %s", async (_, more) => {
    await running(more);
    remove();
    await until(() => !isThere());
    expect(world.api.requests.filter(({ path }) => path.includes("/jobs"))).toEqual([]);
    expect(lastEvent()).toMatchObject({
      type: "Normal",
      note: "Left behind: the cluster's state at s3://bucket/sales.",
    });
  });

  test("stays while a pod does not stop", async () => {
    await running();
    world.kube.stuck.add("sales-executor-0-0");
    remove();
    await until(() => !isThere());
    expect(world.api.requests.filter(({ path }) => path.includes("/jobs"))).toEqual([]);
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: expect.stringMatching(
        /^Pods were still running: .*the cluster's state at s3:\/\/bucket\/sales\.$/,
      ),
    });
  });

  test("stays when another cluster wants the same location, which gets it then", async () => {
    await running();
    world.create(specOf(), { name: "heir" });
    await world.rest("data/heir");
    expect(world.condition("ConfigValid", "data/heir")?.reason).toBe("StateLocationInUse");
    remove();
    await until(() => !isThere());
    expect(job()).toBeUndefined();
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: "Left behind: the cluster's state at s3://bucket/sales, since SpicepodCluster data/heir has the same state_location.",
    });
    await world.rest("data/heir");
    expect(world.condition("ConfigValid", "data/heir")?.status).toBe("True");
  });

  test("stays when its removal fails, and the reason is told", async () => {
    await running();
    remove();
    await until(() => job() !== undefined);
    runPod("s3://bucket/sales/ is in use: cluster.json changes.");
    end("Failed", "Job has reached the specified backoff limit");
    await until(() => !isThere());
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: "Left behind: the cluster's state at s3://bucket/sales, since its removal failed: s3://bucket/sales/ is in use: cluster.json changes.",
    });
  });

  test("delays the deletion for a bounded time only", async () => {
    await running();
    remove();
    await until(() => job() !== undefined);
    const began = world.clock.monotonicMs();
    runPod();
    await until(() => !isThere());
    expect(world.clock.monotonicMs() - began).toBeLessThan(160_000);
    expect(job()).toBeUndefined();
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: "Left behind: the cluster's state at s3://bucket/sales, since its removal did not end in time.",
    });
  });

  test.each([
    ["made", "POST", "exceeded quota: count/jobs.batch=0", 403],
    ["read", "GET", "jobs.batch is forbidden: the operator has no such right", 403],
    ["admitted", "POST", "admission webhook denied the request", 400],
  ])("stays when the Job may not be %s", async (_, which, message, code) => {
    await running();
    remove();
    world.api.fault = ({ method, path }) =>
      method === which && path.includes("/jobs") ? { code, body: { message } } : undefined;
    await until(() => !isThere());
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: expect.stringContaining(`since its removal failed: `),
    });
    expect(lastEvent()?.note).toContain(message);
  });

  test("an API server that fails delays the deletion for a bounded time only", async () => {
    await running();
    remove();
    world.api.fault = ({ path }) => (path.includes("/jobs") ? { code: 500, body: {} } : undefined);
    await until(() => !isThere());
    expect(lastEvent()).toMatchObject({
      type: "Warning",
      note: expect.stringContaining("its removal failed"),
    });
  });

  test("is removed once wherever the operator dies", async () => {
    for (let n = 0; n < 12; n++) {
      await world.stop();
      world = new World();
      await world.flush();
      await running();
      remove();
      world.crashAt(n, n % 2 === 0 ? "before" : "after");
      let made = 0;
      for (let i = 0; i < 100 && isThere(); i++) {
        try {
          await world.round();
        } catch (error) {
          if (!world.isDead) throw error;
        }
        if (world.isDead) await world.restart();
        if (job() !== undefined && job()?.status === undefined) {
          made += 1;
          expect(nodes()).toEqual([]);
          end("Complete");
        }
        await world.clock.advance(2_000);
      }
      expect([n, made, isThere()]).toEqual([n, 1, false]);
    }
  }, 60_000);
});
