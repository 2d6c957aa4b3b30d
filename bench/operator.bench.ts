/**
 * B20, B21: the compiled operator on a real API server, with controllers that are real; pods and what their schedulers
 * say by gRPC are doubles. `CLUSTERS=200` clusters of one scheduler and one executor are made at once; then `REST=70`
 * seconds at rest, a restart, rest again, and a leader that is killed. Figures, never assertions.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Reflector, sourceOf, systemClock, systemRandom } from "../kube/src/index.ts";
import { ApiServer } from "../kube/test/support/api-server.ts";
import { Component } from "../kube/test/support/component.ts";
import { drawPorts } from "../kube/test/support/draw.ts";
import { KubeletDouble } from "../kube/test/support/kubelet-double.ts";
import { eventually } from "../kube/test/support/wait.ts";
import { types } from "../operator/src/reconcile/cache/resource-types.ts";
import { type ClusterObject, clusterCrd } from "../operator/test/kube/support/cluster-objects.ts";
import { conditionOf } from "../operator/test/kube/support/operator-bed.ts";
import { SchedulerDoubles } from "../operator/test/kube/support/scheduler-doubles.ts";
import type { Figure } from "./figure.ts";
import { measureIdlePass } from "./operator/idle-pass.ts";

export const tier = "kube";

const count = Number(process.env["CLUSTERS"] ?? 200);
const restS = Number(process.env["REST"] ?? 70);
/** Requests a second that the operator allows itself. */
const rate = 100;
/** What it must write for such a cluster: eleven children, a finalizer, a status on the way and one at the end. */
const children = 11;
const required = children + 3;
const program = join(import.meta.dirname, "operator", "in-pod.mjs");

interface Operator {
  readonly process: Component;
  readonly metricsUrl: string;
}

export async function run(): Promise<readonly Figure[]> {
  const idle = await measureIdlePass();
  const api = await ApiServer.start({
    crds: [clusterCrd],
    users: [{ name: "operator", groups: ["system:masters"] }],
  });
  const kubelet = new KubeletDouble(api.client());
  const schedulers = new SchedulerDoubles(api.client());
  const admin = api.client();
  const figures: Figure[] = [];
  const figure = (name: string, value: number, unit: string, baseline?: number) => {
    figures.push({ name, value, unit, ...(baseline === undefined ? {} : { baseline }) });
    // A run takes many minutes: what is known is told at once.
    console.log(`${name}: ${value.toPrecision(3)} ${unit}`);
  };
  const operators: Component[] = [];
  const memory = (what: string, operator: Operator, baseline?: number) => {
    figure(`memory ${what}`, memoryMb(operator, "VmRSS"), "MB", baseline);
    figure("  of it not pages of the executable", memoryMb(operator, "RssAnon"), "MB");
  };
  const account = mkdtempSync(join(api.dir, "account-"));
  const files = { token: api.pki.tokens.get("operator") ?? "", "ca.crt": api.pki.ca, namespace: "default" };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text);
  // Components inherit the environment; the operator's image has the last two.
  const { hostname, port } = new URL(api.url);
  const image = { MALLOC_ARENA_MAX: "2", NODE_OPTIONS: "--max-semi-space-size=4" };
  const pod = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  Object.assign(process.env, { ...pod, ...image });
  const start = async (...flags: string[]): Promise<Operator> => {
    const [port = 0] = await drawPorts(1);
    const off = ["--webhook-bind-address=off", "--health-probe-bind-address=off"];
    const own = [`--metrics-bind-address=127.0.0.1:${port}`, "--operator-namespace=default", ...flags];
    const args = [program, account, ...off, ...own];
    const operator = new Component(`operator-${operators.length}`, process.execPath, args, api.dir);
    operators.push(operator);
    return { process: operator, metricsUrl: `http://127.0.0.1:${port}/metrics` };
  };
  const create = (namespace: string, name: string) =>
    admin.create<ClusterObject>(types.cluster, {
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name, namespace } },
      spec: { schedulerSpec: { spicepod: { datasets: [] } }, executorSpec: { replicas: 1 } },
    });
  // Followed by a watch: to list so many again and again would be a load of its own.
  const clusters = new Reflector<ClusterObject>({
    source: sourceOf<ClusterObject>(admin, types.cluster),
    clock: systemClock,
    random: systemRandom,
  });
  const following = new AbortController();
  const ready = (namespace: string, wanted: number) =>
    eventually(
      `${wanted} clusters to be ready`,
      async () => {
        const items = clusters.cache.list(namespace);
        const done = items.filter(({ status }) => conditionOf(status, "Ready")?.status === "True");
        if (done.length < wanted) throw new Error(`${done.length} are`);
        return true;
      },
      { timeoutMs: 1_800_000, everyMs: 250 },
    );
  const asked = (mark: number, verbs?: readonly string[]) =>
    api.audit.since(mark, "operator").filter(({ verb }) => verbs?.includes(verb) ?? true).length;
  const writes = (mark: number, resource?: string, subresource?: string) =>
    api.audit
      .writesSince(mark, "operator")
      .filter((entry) => entry.resource !== "leases")
      .filter((entry) => resource === undefined || entry.resource === resource)
      .filter((entry) => subresource === undefined || entry.subresource === subresource).length;
  const atRest = () =>
    eventually(
      "rest",
      async () => {
        const before = api.audit.mark();
        await delay(3000);
        return writes(before) === 0;
      },
      { timeoutMs: 300_000 },
    );
  /** Waits for so many children of every kind to have been made. */
  const childrenOf = (mark: number, wanted: number) => {
    const kinds = [
      "secrets",
      "services",
      "configmaps",
      "deployments",
      "statefulsets",
      "poddisruptionbudgets",
    ];
    let [place, made] = [mark, 0];
    return eventually(
      `the children of ${wanted} clusters`,
      async () => {
        const { entries, mark: next } = api.audit.next(place);
        place = next;
        made += entries.filter(
          ({ user, code, resource }) => user === "operator" && code === 201 && kinds.includes(resource),
        ).length;
        return made >= wanted * children;
      },
      { timeoutMs: 1_800_000, everyMs: wanted === 1 ? 20 : 500 },
    );
  };

  let running: Promise<void> | undefined;
  try {
    await kubelet.start();
    await schedulers.start();
    running = clusters.run(following.signal);
    const first = await start("--leader-elect=false");
    const one = await api.namespace("one");
    await eventually("metrics", () => metricsOf(first), { timeoutMs: 60_000 });
    await delay(4000);
    memory("without clusters", first);
    let mark = api.audit.mark();
    let startedAt = performance.now();
    await create(one, "sales");
    await childrenOf(mark, 1);
    figure("1 cluster: apply to all children", (performance.now() - startedAt) / 1000, "s");
    await ready(one, 1);
    figure("1 cluster: apply to Ready", (performance.now() - startedAt) / 1000, "s");
    await atRest();
    figure("1 cluster: writes without events", writes(mark) - writes(mark, "events"), "", required);
    figure("1 cluster: of them the status", writes(mark, "spicepodclusters", "status"), "", 2);
    figure("1 cluster: events", writes(mark, "events"), "");
    figure("1 cluster: reads", asked(mark, ["get"]), "");

    const many = await api.namespace("many");
    mark = api.audit.mark();
    startedAt = performance.now();
    await Promise.all(Array.from({ length: count }, (_, i) => create(many, `c${i}`)));
    await childrenOf(mark, count);
    figure(`${count} clusters: apply to all children`, (performance.now() - startedAt) / 1000, "s");
    await ready(many, count);
    const seconds = (performance.now() - startedAt) / 1000;
    figure(`${count} clusters: apply to Ready`, seconds, "s");
    await atRest();
    const written = (writes(mark) - writes(mark, "events")) / count;
    figure(`${count} clusters: writes per cluster without events`, written, "", required);
    figure(
      `${count} clusters: status writes per cluster`,
      writes(mark, "spicepodclusters", "status") / count,
      "",
      2,
    );
    figure(`${count} clusters: events per cluster`, writes(mark, "events") / count, "");
    figure(`${count} clusters: reads per cluster`, asked(mark, ["get", "list"]) / count, "");
    const ratio = (seconds * rate) / (count * required);
    figure(`${count} clusters: seconds × limit ÷ required writes (B20)`, ratio, "", 1.1);
    memory(`after the creation of ${count} clusters`, first);
    await first.process.stop(10_000);

    mark = api.audit.mark();
    startedAt = performance.now();
    const second = await start("--leader-elect=false");
    const passes = async () => (await meter(second, "spiceai_operator_reconcile_duration_seconds")).count;
    await eventually("the restarted operator to have looked at all", async () => (await passes()) > count, {
      timeoutMs: 300_000,
      everyMs: 250,
    });
    figure("restart: to the first look at the last", (performance.now() - startedAt) / 1000, "s");
    figure("restart: requests per cluster", asked(mark, ["get", "list"]) / count, "");
    await delay(5000);
    const before = await meter(second, "spiceai_operator_reconcile_duration_seconds");
    const quiet = api.audit.mark();
    figure("processor at rest (B21)", await rest(second), "%", 1);
    const after = await meter(second, "spiceai_operator_reconcile_duration_seconds");
    const looks = after.count - before.count;
    // With many clusters none may have had its turn.
    if (looks > 0) {
      figure(
        "reconcile that changes nothing, by the clock with a scheduler's answer",
        (1000 * (after.sum - before.sum)) / looks,
        "ms",
      );
      figure("requests per reconcile that changes nothing", asked(quiet, ["get", "list"]) / looks, "");
    }
    figure("reconciles at rest per cluster and minute", (looks / (count + 1) / restS) * 60, "");
    figure(`writes in ${restS} s after a restart (B20)`, writes(mark), "");
    memory(`with ${count + 1} clusters (B21: 80 MB with 500)`, second, 80);
    await second.process.stop(10_000);

    // Two that take turns; a cluster that is changed shows who works.
    const leader = await start();
    await eventually("a leader", async () => (await metricOf(leader, "spiceai_operator_leader")) === 1, {
      timeoutMs: 60_000,
    });
    await delay(10_000);
    const heir = await start();
    await eventually("metrics", () => metricsOf(heir), { timeoutMs: 60_000 });
    memory("of a replica that waits to lead", heir);
    startedAt = performance.now();
    await leader.process.stop(0);
    await eventually(
      "the next reconcile",
      async () => (await meter(heir, "spiceai_operator_reconcile_duration_seconds")).count > 0,
      {
        timeoutMs: 120_000,
      },
    );
    figure(
      "leader killed: to the next reconcile (a Lease is 15 s)",
      (performance.now() - startedAt) / 1000,
      "s",
      15,
    );
    const third = await start();
    await eventually("metrics", () => metricsOf(third), { timeoutMs: 60_000 });
    startedAt = performance.now();
    const stopping = heir.process.stop(12_000);
    await eventually(
      "the next reconcile",
      async () => (await meter(third, "spiceai_operator_reconcile_duration_seconds")).count > 0,
      {
        timeoutMs: 120_000,
      },
    );
    figure("leader told to stop: to the next reconcile", (performance.now() - startedAt) / 1000, "s");
    await stopping;
    figure("processor of a reconcile that changes nothing (B21)", idle.unasked, "ms", 1);
    figure("  when the schedulers are asked, without the connection", idle.asked, "ms", 1);
    figure("  when everything is compared (every ten minutes)", idle.full, "ms");
    return figures;
  } finally {
    for (const operator of operators) await operator.stop(0);
    following.abort(new Error("the bench has ended"));
    await running;
    await schedulers.stop();
    await kubelet.stop();
    await api.stop();
  }
}

/** Percent of one processor that a process takes while nothing is asked of it. */
async function rest({ process: { pid } }: Operator): Promise<number> {
  const ticks = () => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = ticks();
  await delay(restS * 1000);
  // A hundred ticks are a second.
  return (ticks() - before) / restS;
}

function memoryMb({ process: { pid } }: Operator, of: "VmRSS" | "RssAnon"): number {
  const found = new RegExp(`${of}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) / 1024;
}

async function metricsOf({ metricsUrl }: Operator): Promise<string> {
  return await (await fetch(metricsUrl, { signal: AbortSignal.timeout(10_000) })).text();
}

/** A metric's value, summed over its labels; 0 when it is not there. */
async function metricOf(operator: Operator, name: string): Promise<number> {
  const samples = (await metricsOf(operator)).matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function meter(
  operator: Operator,
  name: string,
): Promise<{ readonly sum: number; readonly count: number }> {
  const [sum, passes] = [await metricOf(operator, `${name}_sum`), await metricOf(operator, `${name}_count`)];
  return { sum, count: passes };
}
