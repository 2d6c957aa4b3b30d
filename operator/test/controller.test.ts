import { expect, test } from "@jest/globals";
import { Client, type EventNote, type KubeObject } from "@spice-shards/kube";
import { FakeApiServer, seededRandom, settle, VirtualClock } from "@spice-shards/kube/testing";
import { Registry } from "prom-client";
import { silentLog } from "../src/log.ts";
import { operatorMetrics } from "../src/metrics.ts";
import { createController } from "../src/reconcile/controller.ts";
import type { ClusterObject } from "../src/reconcile/objects.ts";
import { defaultSettings, type OperatorSettings } from "../src/reconcile/settings.ts";
import type { JsonObject } from "../src/schema/schema.ts";
import { FakeAdmin } from "./support/fake-admin.ts";
import { KubeControllers } from "./support/kube-controllers.ts";
import { clusters, specOf, spec as text } from "./support/world.ts";

/** A whole controller before a fake API server. */
class Stage {
  readonly clock = new VirtualClock();
  readonly api = new FakeApiServer();
  readonly admin = new FakeAdmin(this.api.store);
  readonly kube = new KubeControllers(this.api.store, () => this.clock.wallMs());
  readonly registry = new Registry();
  readonly events: EventNote[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  readonly controller: ReturnType<typeof createController>;

  constructor(settings: Partial<OperatorSettings> = {}) {
    const { clock, api } = this;
    const metrics = operatorMetrics(this.registry);
    const random = seededRandom(3);
    const client = new Client({ transport: api.transport(), clock, random, onRequest: metrics.apiRequest });
    const events = { record: (_: KubeObject, event: EventNote) => void this.events.push(event) };
    this.controller = createController({
      client,
      dialer: this.admin,
      clock,
      random,
      log: silentLog,
      metrics,
      events,
      settings: { ...defaultSettings, ...settings },
    });
    this.#running = this.controller.run(this.#end.signal);
  }

  create(
    name: string,
    namespace = "data",
    body: JsonObject = specOf(),
    uid?: string,
    createdMs = this.clock.wallMs(),
  ): void {
    const creationTimestamp = new Date(createdMs).toISOString();
    this.api.store.put(clusters, {
      apiVersion: "spice.ai/v2",
      kind: "SpicepodCluster",
      metadata: {
        name,
        namespace,
        creationTimestamp,
        generation: 1,
        ...(uid === undefined ? {} : { uid }),
      },
      spec: body,
    } as ClusterObject);
  }

  isReady(key: string): boolean {
    const cluster = this.api.store.get(clusters, key) as ClusterObject | undefined;
    return (cluster?.status?.conditions ?? []).some(
      (each) => each.type === "Ready" && each.status === "True",
    );
  }

  /** Lets the world go on until something holds. Signing runs on threads of its own, hence real time. */
  async until(holds: () => boolean): Promise<void> {
    for (let i = 0; i < 400; i++) {
      this.kube.play();
      this.admin.load();
      for (let turn = 0; turn < 10; turn++) await settle();
      if (holds()) return;
      await this.clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error("it never held");
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error("stop"));
    await this.#running;
  }
}

test("clusters become ready by watches alone, rest without writes, and end", async () => {
  const stage = new Stage();
  expect(stage.controller.synced).toBe(false);
  for (const [i, name] of ["one", "two", "three"].entries())
    stage.create(name, "data", specOf(text.replace("s3://bucket/sales", `s3://bucket/${i}`)));
  const keys = ["data/one", "data/two", "data/three"];
  await stage.until(() => keys.every((key) => stage.isReady(key)));
  expect(stage.controller.synced).toBe(true);
  await stage.until(() => true);
  await stage.clock.advance(30_000);
  const before = stage.api.requests.length;
  await stage.clock.advance(120_000);
  expect(stage.api.requests.slice(before).filter(({ method }) => method !== "GET")).toEqual([]);
  // A child that is deleted comes back by its watch.
  stage.api.store.delete("/services", "data/one");
  await stage.until(() => stage.api.store.get("/services", "data/one") !== undefined);
  const metrics = await stage.registry.metrics();
  expect(metrics).toMatch(
    /spiceai_operator_reconcile_total\{controller="spicepodcluster",result="done"\} [1-9]/,
  );
  expect(metrics).toMatch(
    /spiceai_operator_api_requests_total\{verb="create",resource="secrets",code="201"\} 12/,
  );
  expect(metrics).toContain('spiceai_operator_cluster_paused{namespace="data",cluster="one"} 0');
  const taken = Number(/spiceai_operator_queue_latency_seconds_count (\d+)/.exec(metrics)?.[1]);
  const reconciled = [...metrics.matchAll(/spiceai_operator_reconcile_total\{[^}]*\} (\d+)/g)];
  expect(taken).toBe(reconciled.reduce((sum, [, count]) => sum + Number(count), 0));
  expect(metrics).toMatch(
    /spiceai_operator_api_request_duration_seconds_count\{verb="watch",resource="pods",code="200"\} [1-9]/,
  );
  // The server closes watches every few minutes.
  await stage.clock.advance(600_000);
  expect(await stage.registry.metrics()).toMatch(
    /spiceai_operator_watch_restarts_total\{resource="pods",reason="\w+"\} [1-9]/,
  );
  // A cluster that is gone leaves no series behind.
  stage.api.store.delete(clusters, "data/two");
  const isGone = async () => !(await stage.registry.metrics()).includes('"two"');
  await stage.until(() => stage.api.store.get(clusters, "data/two") === undefined);
  await stage.clock.advance(2_000);
  expect(await isGone()).toBe(true);
  await stage.stop();
  expect(stage.clock.pending).toBe(0);
  const ended = stage.api.requests.length;
  await stage.clock.advance(600_000);
  expect(stage.api.requests.length).toBe(ended);
});

test("a younger cluster gets its state location when the older one goes", async () => {
  const stage = new Stage();
  stage.create("one");
  await stage.until(() => stage.isReady("data/one"));
  stage.create("two");
  const refused = () =>
    JSON.stringify(stage.api.store.get(clusters, "data/two")).includes("StateLocationInUse");
  await stage.until(refused);
  stage.api.store.delete(clusters, "data/one");
  await stage.until(() => stage.isReady("data/two"));
  await stage.stop();
});

test("a state location is not free before the nodes of the cluster that has it have stopped", async () => {
  const stage = new Stage();
  stage.create("one");
  await stage.until(() => stage.isReady("data/one"));
  stage.create("two");
  const refused = () =>
    JSON.stringify(stage.api.store.get(clusters, "data/two")).includes("StateLocationInUse");
  await stage.until(refused);
  stage.kube.stuck.add("one-executor-0-0");
  const one = stage.api.store.get(clusters, "data/one") as ClusterObject;
  const deletionTimestamp = new Date(stage.clock.wallMs()).toISOString();
  stage.api.store.put(clusters, { ...one, metadata: { ...one.metadata, deletionTimestamp } });
  const podsOf = (name: string) =>
    stage.api.store.list("/pods").filter(({ metadata }) => metadata.name?.startsWith(`${name}-`));
  await stage.until(() => !podsOf("one").some(({ metadata }) => metadata.name === "one-executor-1-0"));
  await stage.clock.advance(20_000);
  expect(podsOf("one").map(({ metadata }) => metadata.name)).toContain("one-executor-0-0");
  expect([refused(), podsOf("two")]).toEqual([true, []]);
  stage.kube.stuck.clear();
  await stage.until(() => stage.isReady("data/two"));
  expect(podsOf("one")).toEqual([]);
  await stage.stop();
});

test("of two clusters created within one second one gets the state location, always the same", async () => {
  for (const names of [
    ["one", "two"],
    ["two", "one"],
  ]) {
    const stage = new Stage();
    const wanted = new Map([
      ["one", "uid-b"],
      ["two", "uid-a"],
    ]);
    for (const name of names) stage.create(name, "data", specOf(), wanted.get(name));
    const refused = () =>
      JSON.stringify(stage.api.store.get(clusters, "data/one")).includes("StateLocationInUse");
    await stage.until(() => refused() && stage.isReady("data/two"));
    const sets = stage.api.store.list("apps/statefulsets").map(({ metadata }) => metadata.name);
    expect(sets).toEqual(["two-executor-0", "two-executor-1"]);
    await stage.stop();
  }
});

test("a cluster that has its state location keeps it when one of the same second comes after it", async () => {
  const stage = new Stage();
  const createdMs = stage.clock.wallMs();
  stage.create("one", "data", specOf(), "uid-b");
  await stage.until(() => stage.isReady("data/one"));
  stage.create("two", "data", specOf(), "uid-a", createdMs);
  await stage.until(() =>
    JSON.stringify(stage.api.store.get(clusters, "data/two")).includes("StateLocationInUse"),
  );
  expect(stage.isReady("data/one")).toBe(true);
  await stage.stop();
});

test.each([
  [{ watchNamespaces: ["data", "more"] }, ["data", "more"]],
  [{ denyNamespaces: ["kube-system", "more"] }, ["data", "other"]],
])("only the namespaces of %j are looked at", async (settings, seen) => {
  const stage = new Stage(settings);
  for (const [i, namespace] of ["data", "more", "other"].entries())
    stage.create("one", namespace, specOf(text.replace("s3://bucket/sales", `s3://bucket/${i}`)));
  await stage.until(() => seen.every((namespace) => stage.isReady(`${namespace}/one`)));
  const found = stage.api.store.list("apps/deployments").map(({ metadata }) => metadata.namespace);
  expect(found).toEqual(seen);
  await stage.stop();
});
