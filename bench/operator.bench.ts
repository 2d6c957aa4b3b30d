/**
 * B20, B21: the operator on a real API server, with controllers that are real and pods that a double makes ready.
 * `CLUSTERS=200` clusters of one scheduler and one executor are made at once under a limit of `RATE=100` requests a
 * second; then `REST=30` seconds at rest, a restart, and rest again. Figures, never assertions.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ApiServer } from "../kube/test/support/api-server.ts";
import { Component } from "../kube/test/support/component.ts";
import { KubeletDouble } from "../kube/test/support/kubelet-double.ts";
import { eventually } from "../kube/test/support/wait.ts";
import { types } from "../operator/src/reconcile/resource-types.ts";
import { type ClusterObject, clusterCrd } from "../operator/test/kube/support/cluster-objects.ts";
import { conditionOf } from "../operator/test/kube/support/operator-bed.ts";
import type { Figure } from "./figure.ts";

export const tier = "kube";

const count = Number(process.env["CLUSTERS"] ?? 200);
const rate = Number(process.env["RATE"] ?? 100);
const restS = Number(process.env["REST"] ?? 30);
const program = join(import.meta.dirname, "operator", "operator-process.ts");

export async function run(): Promise<readonly Figure[]> {
  const api = await ApiServer.start({
    crds: [clusterCrd],
    users: [{ name: "operator", groups: ["system:masters"] }],
  });
  const kubelet = new KubeletDouble(api.client());
  const admin = api.client();
  const figures: Figure[] = [];
  const figure = (name: string, value: number, unit: string, baseline?: number) =>
    figures.push({ name, value, unit, ...(baseline === undefined ? {} : { baseline }) });
  let operators = 0;
  let operator: Component | undefined;
  const start = () => {
    const args = ["--conditions=source", program, api.kubeconfig({ user: "operator" }), String(rate)];
    operators += 1;
    operator = new Component(`operator-${operators}`, process.execPath, args, api.dir);
    return operator;
  };
  const create = (namespace: string, name: string) =>
    admin.create<ClusterObject>(types.cluster, {
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name, namespace } },
      spec: { schedulerSpec: { spicepod: { datasets: [] } }, executorSpec: { replicas: 1 } },
    });
  const ready = (namespace: string, wanted: number) =>
    eventually(
      `${wanted} clusters to be ready`,
      async () => {
        const { items } = await admin.list<ClusterObject>(types.cluster, { namespace });
        const done = items.filter(({ status }) => conditionOf(status, "Ready")?.status === "True");
        return done.length >= wanted;
      },
      { timeoutMs: 900_000, everyMs: 250 },
    );
  const asked = (mark: number, verbs?: readonly string[]) =>
    api.audit.since(mark, "operator").filter(({ verb }) => verbs?.includes(verb) ?? true).length;
  const writes = (mark: number) => api.audit.writesSince(mark, "operator").length;

  try {
    await kubelet.start();
    const first = start();
    const one = await api.namespace("one");
    await delay(4000);
    figure("memory without clusters", memoryMb(first), "MB");
    let mark = api.audit.mark();
    let startedAt = performance.now();
    await create(one, "sales");
    await ready(one, 1);
    figure("one cluster: kubectl apply to Ready", (performance.now() - startedAt) / 1000, "s");
    figure("one cluster: writes", writes(mark), "");
    figure("one cluster: reads", asked(mark, ["get"]), "");

    const many = await api.namespace("many");
    mark = api.audit.mark();
    startedAt = performance.now();
    await Promise.all(Array.from({ length: count }, (_, i) => create(many, `c${i}`)));
    await ready(many, count);
    const seconds = (performance.now() - startedAt) / 1000;
    const written = writes(mark);
    figure(`${count} clusters: to Ready`, seconds, "s");
    figure(`${count} clusters: writes per cluster`, written / count, "");
    figure(`${count} clusters: reads per cluster`, asked(mark, ["get"]) / count, "");
    figure(`${count} clusters: seconds × limit ÷ writes (B20, aim 1.1)`, (seconds * rate) / written, "", 1.1);
    figure(`${count} clusters: memory (B21, aim 80 at 500)`, memoryMb(first), "MB", 80);

    await eventually(
      "rest",
      async () => {
        const before = api.audit.mark();
        await delay(3000);
        return writes(before) === 0;
      },
      { timeoutMs: 300_000 },
    );
    figure("CPU at rest (B21, aim 1)", await rest(first), "%", 1);
    await first.stop(10_000);
    mark = api.audit.mark();
    startedAt = performance.now();
    const second = start();
    await eventually("the restarted operator to have looked at all", () => asked(mark, ["get"]) >= count, {
      timeoutMs: 300_000,
      everyMs: 250,
    });
    figure("restart: to the first look at the last", (performance.now() - startedAt) / 1000, "s");
    await rest(second);
    figure(`writes in ${restS} s after a restart (B20, aim 0)`, writes(mark), "");
    figure("memory after the restart", memoryMb(second), "MB", 80);
    await second.stop(10_000);
    const passes = meter(second.log(), "spice_operator_reconcile_duration_seconds");
    figure("reconcile that changes nothing, after the restart", (1000 * passes.sum) / passes.count, "ms", 1);
    return figures;
  } finally {
    await operator?.stop(0);
    await kubelet.stop();
    await api.stop();
  }
}

/** Percent of one processor that a process takes while nothing is asked of it. */
async function rest({ pid }: Component): Promise<number> {
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

function memoryMb({ pid }: Component): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) / 1024;
}

function meter(text: string, name: string): { readonly sum: number; readonly count: number } {
  const value = (suffix: string) => Number(new RegExp(`^${name}_${suffix} (\\S+)$`, "m").exec(text)?.[1]);
  return { sum: value("sum"), count: value("count") };
}
