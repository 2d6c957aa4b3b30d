import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createRoot, issueLeaf, type LeafNames, type PemPair } from "@spice-shards/certificates";
import type { Database } from "../../runtime/src/ports/database.ts";
import { expectExactAnswers } from "../../runtime/test/support/answers.ts";
import { listening, TestCluster } from "../../runtime/test/support/cluster.ts";
import { eventsTable } from "../../runtime/test/support/tables.ts";
import { createAdminDialer } from "../src/admin/grpc-dialer.ts";
import { type ClusterAdmin, SchedulerUnreachableError } from "../src/admin/port.ts";
import { executorNames, operatorNames, schedulerNames } from "../src/certificates/leaf-names.ts";
import { planExecutors } from "../src/lifecycle/plan-executors.ts";
import type {
  ClusterView,
  ExecutorAction,
  ExecutorPlan,
  ObservedExecutor,
  ObservedStatefulSet,
} from "../src/lifecycle/types.ts";

const place = { cluster: "sales", namespace: "prod", clusterDomain: "cluster.local" };
const nowMs = Date.now();

/** StatefulSets of one executor each, whose pods are `spiced` processes of a cluster. */
class ProcessKubelet {
  readonly sets = new Map<number, ObservedStatefulSet>();
  /** Template and UID of the pods. */
  readonly pods = new Map<number, { readonly templateHash: string; readonly uid: string }>();
  readonly done: string[] = [];
  readonly #cluster: TestCluster;
  readonly #admin: ClusterAdmin;
  #uids = 0;

  constructor(cluster: TestCluster, admin: ClusterAdmin, executors: number) {
    this.#cluster = cluster;
    this.#admin = admin;
    for (let index = 0; index < executors; index++) {
      this.sets.set(index, {
        uid: `set-${index}`,
        replicas: 1,
        templateHash: "one",
        observed: true,
        drifted: false,
        retention: { whenScaled: "Retain", whenDeleted: "Retain" },
        deleting: false,
      });
      this.#addPod(index, "one");
    }
  }

  async view(): Promise<ClusterView> {
    try {
      return { kind: "known", ...(await this.#admin.getCluster()) };
    } catch (error) {
      if (error instanceof SchedulerUnreachableError) return { kind: "unreachable", reason: error.message };
      throw error;
    }
  }

  async plan(replicas: number, template: string): Promise<ExecutorPlan> {
    return planExecutors({
      nowMs: Date.now(),
      generation: 1,
      wanted: {
        replicas,
        paused: false,
        strategy: { type: "RollingOrdered", maxUnavailable: 1 },
        templateHashes: new Map(Array.from({ length: replicas }, (_, i) => [i, template])),
        claims: [],
        retention: { whenScaled: "Delete", whenDeleted: "Retain" },
      },
      crashLoopThreshold: 10,
      executors: new Map([...this.sets].map(([index, set]) => [index, this.#observed(index, set)])),
      schedulers: [],
      cluster: await this.view(),
    });
  }

  /** Plan and act until the plan is empty and nothing is under way. */
  async settle(replicas: number, template: string): Promise<void> {
    const until = Date.now() + 90_000;
    let last: ExecutorPlan | undefined;
    while (Date.now() < until) {
      last = await this.plan(replicas, template);
      for (const action of last.actions) await this.carryOut(action, template);
      if (last.actions.length === 0 && last.conditions.every(({ status }) => status === "False")) return;
      await delay(150);
    }
    throw new Error(`not settled: ${JSON.stringify(last)}`);
  }

  async carryOut(action: ExecutorAction, template: string): Promise<void> {
    const { index } = action as { index: number };
    this.done.push(`${action.kind} ${index}`);
    switch (action.kind) {
      case "drain":
        return this.#admin.drain([action.executor]);
      case "undrain":
        return this.#admin.undrain([action.executor]);
      case "delete-pod":
        await this.#cluster.executors[index]!.stop();
        await this.#cluster.startExecutor(index);
        this.#addPod(index, this.sets.get(index)!.templateHash);
        return;
      case "delete-stateful-set":
        this.sets.delete(index);
        return;
      case "apply-template":
      case "mark":
      case "set-retention":
      case "scale": {
        const { drainedFor: _, templateHash, ...set } = this.sets.get(index)!;
        const { template: which, ...shape } = action.shape;
        this.sets.set(index, {
          ...set,
          ...shape,
          templateHash: which === "wanted" ? template : templateHash,
        });
        if (shape.replicas === 1) return;
        await this.#cluster.executors[index]!.stop();
        this.pods.delete(index);
        return;
      }
      default:
        throw new Error(`not expected here: ${action.kind}`);
    }
  }

  #addPod(index: number, templateHash: string): void {
    this.pods.set(index, { templateHash, uid: `pod-${++this.#uids}` });
  }

  #observed(index: number, statefulSet: ObservedStatefulSet): ObservedExecutor {
    const pod = this.pods.get(index);
    if (pod === undefined) return { statefulSet, claims: [] };
    const ready = this.#cluster.executors[index]!.alive;
    const name = `sales-executor-${index}-0`;
    const facts = { deleting: false, restarts: 0, createdMs: nowMs, readyChangedMs: nowMs };
    return { statefulSet, pod: { name, ready, ...pod, ...facts }, claims: [] };
  }
}

let dir: string;
let truth: Database;
let cluster: TestCluster;
let admin: ClusterAdmin;
let kubelet: ProcessKubelet;
const indexes = new Map<string, number>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "spice-life-"));
  truth = await eventsTable(join(dir, "events.parquet"), 20_000);
  const root = await createRoot("sales.prod", { nowMs, validMs: 86_400_000 });
  const issue = (names: LeafNames): Promise<PemPair> => issueLeaf(root, names, { nowMs, validMs: 3_600_000 });
  for (const [name, names] of [
    ["scheduler-0", schedulerNames(place)],
    ...[0, 1, 2].map((i) => [`executor-${i}`, executorNames(place, i)] as const),
  ] as const) {
    const { certificate, key } = await issue(names);
    mkdirSync(join(dir, name));
    const files = { "ca.crt": root.certificate, "tls.crt": certificate, "tls.key": key };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, name, file), text);
  }
  cluster = await TestCluster.start({
    executors: 3,
    security: (name) => [
      `--node-mtls-ca-certificate-file=${join(dir, name, "ca.crt")}`,
      `--node-mtls-certificate-file=${join(dir, name, "tls.crt")}`,
      `--node-mtls-key-file=${join(dir, name, "tls.key")}`,
    ],
    spicepod: `version: v1
kind: Spicepod
name: life
runtime:
  scheduler:
    state_location: "STATE"
    partition_assignment_interval: 1s
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    acceleration:
      engine: arrow
      partition_by: ["bucket(6, customer_id)"]
`,
  });
  await cluster.ready();
  for (const [i, process] of cluster.executors.entries()) indexes.set(await listening(process, "cluster"), i);
  const { certificate, key } = await issue(operatorNames(place));
  const dialer = createAdminDialer({ executorIndex: (_cluster, address) => indexes.get(address) });
  admin = dialer.dial({
    namespace: "prod",
    cluster: "sales",
    addresses: [await listening(cluster.schedulers[0]!, "cluster")],
    tls: { ca: root.certificate, cert: certificate, key },
  });
  kubelet = new ProcessKubelet(cluster, admin, 3);
});

afterAll(async () => {
  admin?.close();
  await cluster?.stop();
  await truth?.close();
  await rm(dir, { recursive: true, force: true });
});

/** What clients see while something happens: nothing. */
async function unnoticed(work: () => Promise<void>): Promise<void> {
  const sql = "SELECT count(*) AS n, sum(customer_id) AS s FROM events";
  const numbers = (rows: readonly object[]) => rows.map((row) => Object.values(row).map(Number));
  const expected = numbers(await truth.rows(sql));
  const stop = new AbortController();
  let answers = 0;
  const client = (async () => {
    while (!stop.signal.aborted) {
      expect(numbers(await cluster.sql(sql))).toEqual(expected);
      answers += 1;
      await delay(20);
    }
  })();
  try {
    await Promise.race([work(), client]);
  } finally {
    stop.abort();
    await client;
  }
  // So that it was asked at all; how often depends on the machine.
  expect(answers).toBeGreaterThan(2);
  await expectExactAnswers(cluster, truth);
}

test("schedulers tell the operator's leaf about executors, tables and certificates", async () => {
  const report = await admin.getCluster();
  expect(report.executors.map(({ index, state }) => `${index} ${state}`).sort()).toEqual([
    "0 active",
    "1 active",
    "2 active",
  ]);
  expect(report.partitions).toMatchObject({
    assigned: report.partitions.total,
    loaded: report.partitions.total,
  });
  expect(report.tables[0]!.freshMs).toBeGreaterThan(nowMs - 60_000);
  expect(report.nodes.every(({ leafSha256 }) => /^[0-9a-f]{64}$/.test(leafSha256 ?? ""))).toBe(true);
  expect((await kubelet.plan(3, "one")).actions).toEqual([]);
});

test("a rollout replaces one executor after the other and no query fails", async () => {
  kubelet.done.length = 0;
  await unnoticed(() => kubelet.settle(3, "two"));
  expect([...kubelet.pods.values()].map(({ templateHash }) => templateHash)).toEqual(["two", "two", "two"]);
  expect(kubelet.done.filter((action) => /^(delete|drain)/.test(action))).toEqual(
    [2, 1, 0].flatMap((i) => [`drain ${i}`, `delete-pod ${i}`]),
  );
});

test("an executor is drained, stopped and taken away and no query fails", async () => {
  kubelet.done.length = 0;
  await unnoticed(() => kubelet.settle(2, "two"));
  expect(kubelet.done).toEqual(["mark 2", "drain 2", "set-retention 2", "scale 2", "delete-stateful-set 2"]);
  expect((await admin.getCluster()).executors.find(({ index }) => index === 2)?.owned ?? 0).toBe(0);
});

test("what cannot be drained stays, and takes partitions again when it shall stay", async () => {
  // Somebody drained the other executor, so nobody can take what this one owns.
  const idOf = (wanted: number) => [...indexes].find(([, index]) => index === wanted)![0];
  await admin.drain([idOf(0)]);
  const until = Date.now() + 30_000;
  let plan = await kubelet.plan(1, "two");
  while (!plan.conditions.some(({ reason }) => reason === "DrainBlocked") && Date.now() < until) {
    for (const action of plan.actions) await kubelet.carryOut(action, "two");
    await delay(150);
    plan = await kubelet.plan(1, "two");
  }
  const degraded = plan.conditions.find(({ type }) => type === "Degraded");
  expect(degraded).toMatchObject({ status: "True", reason: "DrainBlocked" });
  expect(degraded!.message).toMatch(/^executor 1 cannot be drained: ./);
  expect(plan.actions).toEqual([]);
  await admin.undrain([idOf(0)]);
  await kubelet.settle(2, "two");
  expect((await admin.getCluster()).executors.filter((e) => e.drain !== undefined && e.index !== 2)).toEqual(
    [],
  );
  expect(kubelet.sets.size).toBe(2);
});

test("without a scheduler nothing is taken away", async () => {
  await cluster.schedulers[0]!.stop();
  const { actions, conditions } = await kubelet.plan(1, "two");
  expect(actions).toEqual([]);
  expect(conditions.find(({ type }) => type === "Degraded")).toMatchObject({
    status: "True",
    reason: "SchedulerUnreachable",
    message: expect.stringMatching(/^executors leave: 1: no scheduler can be asked: .*ECONNREFUSED/),
  });
});
