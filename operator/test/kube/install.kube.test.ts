/** @jest-environment ./scripts/jest/environment.mjs */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Client, KubeObject } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { Component } from "../../../kube/test/support/component.ts";
import { drawPorts } from "../../../kube/test/support/draw.ts";
import { Forwarder } from "../../../kube/test/support/forwarder.ts";
import { KubeletDouble, type Pod } from "../../../kube/test/support/kubelet-double.ts";
import { runTool } from "../../../kube/test/support/run-tool.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { FakeAdmin } from "../../src/admin/testing/fake-admin.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import { leaveBundlesIfFailed } from "../support/leave-bundle.ts";
import { type ClusterObject, podMonitorCrd } from "./support/cluster-objects.ts";
import { conditionOf, imagesOf, isReady } from "./support/operator-bed.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const chart = join(root, "charts", "spiceai-operator");
const release = ["spiceai-operator", chart, "--namespace", "spice-system"];
const account = "system:serviceaccount:spice-system:spiceai-operator";

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: { readonly args: string[] }[] } };
  };
}

describe("the chart on a real API server", () => {
  let api: ApiServer;
  let admin: Client;
  let kubelet: KubeletDouble;
  let webhook: Forwarder | undefined;
  let dir: string;
  const processes: Component[] = [];
  const schedulers: FakeAdmin[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "operator-"));
    api = await ApiServer.start({ crds: [podMonitorCrd] });
    admin = api.client();
    kubelet = new KubeletDouble(admin, { terminationMs: 20 });
    await kubelet.start();
  });
  afterEach(() => {
    const logs = processes.map((process, i) => [`operator/log-${i}.txt`, process.log()] as const);
    return leaveBundlesIfFailed(admin, Object.fromEntries(logs));
  });
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.stop(5000)));
    for (const scheduler of schedulers) scheduler.stop();
    await webhook?.stop();
    await kubelet?.stop();
    await api?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** A replica of the operator as the installed Deployment would run it, under the chart's own service account. */
  async function startReplica(): Promise<{ process: Component; webhookAddress: string; health: number }> {
    const [port = 0, health = 0] = await drawPorts(2);
    const target = { namespace: "spice-system", name: "spiceai-operator" };
    const { spec } = await admin.get<Deployment>(types.deployment, target);
    const args = (spec.template.spec.containers[0]?.args ?? []).map((arg) =>
      arg.startsWith("--webhook-bind-address")
        ? `--webhook-bind-address=127.0.0.1:${port}`
        : arg
            .replace(/^(--metrics-bind-address)=.*/, "$1=127.0.0.1:0")
            .replace(/^(--health-probe-bind-address)=.*/, `$1=127.0.0.1:${health}`),
    );
    const token = await api.serviceAccountToken("spice-system", "spiceai-operator");
    const kubeconfig = api.kubeconfig({ token, namespace: "spice-system" });
    const program = join(root, "operator", "bin", "spiceai-operator.mjs");
    const name = `operator-${processes.length}`;
    const run = [program, ...args, "--kubeconfig", kubeconfig];
    const replica = new Component(name, process.execPath, run, dir);
    processes.push(replica);
    return { process: replica, webhookAddress: `127.0.0.1:${port}`, health };
  }

  const holder = async () => {
    const path = "/apis/coordination.k8s.io/v1/namespaces/spice-system/leases/spiceai-operator";
    return (await admin.getPath<{ spec: { holderIdentity?: string } }>(path)).spec.holderIdentity ?? "";
  };

  const pods = (namespace: string, role: string): Pod[] =>
    kubelet.list(namespace).filter(({ metadata }) => metadata.labels?.["spice.ai/cluster-role"] === role);

  /** Puts a scheduler's AdminService behind every ready scheduler pod, with the certificate that it mounts. */
  async function serveSchedulers(namespace: string): Promise<FakeAdmin> {
    const pod = await eventually("a ready scheduler", () => pods(namespace, "scheduler").find(isReady));
    const secret = await admin.get<KubeObject & { data: Record<string, string> }>(types.secret, {
      namespace,
      name: "sales-scheduler-tls",
    });
    const text = (key: string) => Buffer.from(secret.data[key] ?? "", "base64").toString();
    const tls = { ca: text("ca.crt"), cert: text("tls.crt"), key: text("tls.key") };
    const fake = await FakeAdmin.start({ tls, host: pod.status?.podIP ?? "", port: 50052 });
    schedulers.push(fake);
    return fake;
  }

  const ready = (namespace: string, wanted = "True") =>
    eventually(`Ready ${wanted} in ${namespace}`, async () => {
      const target = { namespace, name: "sales" };
      const { metadata, status = {} } = await admin.get<ClusterObject>(types.cluster, target);
      const current = status["observedGeneration"] === metadata.generation;
      if (current && conditionOf(status, "Ready")?.status === wanted) return status;
      throw new Error(`${JSON.stringify(status["conditions"])}\n${processes.at(-1)?.tail(5)}`);
    });

  const spicepod = { datasets: [] };
  const resource = (namespace: string, spec: JsonObject): string =>
    JSON.stringify({
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name: "sales", namespace } },
      spec,
    });

  it("installs, and its two replicas choose one leader", async () => {
    await api.helm(["install", ...release, "--create-namespace", "--wait", "--timeout", "110s"]);
    expect(await api.kubectl(["get", "crd", "spicepodclusters.spice.ai"])).toContain("spicepodclusters");
    const first = await startReplica();
    await eventually("a leader", async () => (await holder()) !== "");
    await startReplica();
    const { spec } = await admin.get<KubeObject & { spec: { clusterIP: string } }>(types.service, {
      ...{ namespace: "spice-system", name: "spiceai-operator-webhook" },
    });
    webhook = await Forwarder.start(spec.clusterIP, 443, first.webhookAddress);
    expect(processes.map(({ alive }) => alive)).toEqual([true, true]);
    // What the pod of `helm test` runs, with an account that has no rights.
    const token = await api.serviceAccountToken("spice-system", "default");
    const kubeconfig = api.kubeconfig({ token, namespace: "spice-system" });
    const program = join(root, "operator", "bin", "spiceai-operator.mjs");
    const check = (port: number, seconds: number) => {
      const flags = [`--timeout=${seconds}`, `--url=http://127.0.0.1:${port}`, "--kubeconfig", kubeconfig];
      return runTool(process.execPath, [program, "check", ...flags], { env: {} });
    };
    expect(await check(first.health, 20)).toContain("is healthy and ready, and SpicepodCluster is known");
    await expect(check(1, 0)).rejects.toThrow("http://127.0.0.1:1/ready does not answer");
  });

  it("refuses at admission what the operator could not run", async () => {
    const namespace = await api.namespace("admission");
    const stdin = resource(namespace, { schedulerSpec: { spicepod: { datasets: [], runtim: {} } } });
    await eventually("the webhook to refuse", async () => {
      const args = ["apply", "--dry-run=server", "-f", "-"];
      const said = await api.kubectl(args, { stdin }).catch((error: Error) => error.message);
      return said.includes("spec.schedulerSpec.spicepod.runtim: unknown field `runtim`");
    });
  });

  it("has every permission that a cluster's life needs, and lists no Secrets", async () => {
    const namespace = await api.namespace("rights");
    const mark = api.audit.mark();
    const stored = { ...spicepod, runtime: { scheduler: { state_location: "s3://bucket/rights" } } };
    const spec = {
      schedulerSpec: { spicepod: stored, serviceAccount: { enabled: true }, network: { ingress: [{}] } },
      executorSpec: { replicas: 2, serviceAccount: { enabled: true } },
      stateRetentionPolicy: { whenDeleted: "Delete" },
    };
    await api.kubectl(["apply", "-f", "-"], { stdin: resource(namespace, spec) });
    const scheduler = await serveSchedulers(namespace);
    const known = (index: number) => ({
      id: `sales-executor-${index}-0.sales-executor.${namespace}.svc.cluster.local:50052`,
    });
    for (const index of [0, 1]) scheduler.setExecutor(known(index));
    await ready(namespace);
    await api.kubectl(["scale", "spc/sales", "-n", namespace, "--replicas=1"]);
    await eventually("the executor to leave", () => pods(namespace, "executor").length === 1);
    const image = { spec: { executorSpec: { image: { tag: "9.9.9" } } } };
    const target = { namespace, name: "sales" };
    await admin.patch(types.cluster, target, { type: "merge", body: image });
    await eventually("the new image", () =>
      imagesOf(pods(namespace, "executor")).every((one) => one.endsWith(":9.9.9")),
    );
    await ready(namespace);
    const own = { namespace, name: "sales-scheduler" };
    await admin.delete(types.serviceAccount, own);
    await eventually("the account to be made again", () => admin.get(types.serviceAccount, own));
    await admin.delete(types.cluster, target);
    await eventually("the cluster to be gone", () =>
      admin.get(types.cluster, target).then(
        () => false,
        () => true,
      ),
    );
    await eventually("the operator to say that the state is gone", async () =>
      (await api.kubectl(["get", "events.events.k8s.io", "-n", namespace, "-o", "json"])).includes(
        "Nothing is left behind.",
      ),
    );
    const refused = api.audit.since(mark, account).filter(({ code }) => code === 401 || code === 403);
    expect(refused).toEqual([]);
    // Secrets are read one by one.
    const secrets = api.audit.since(mark, account).filter((entry) => entry.resource === "secrets");
    expect(new Set(secrets.map(({ verb }) => verb))).not.toContain("list");
    expect(secrets.length).toBeGreaterThan(0);
  }, 300_000);

  it("hands the work over when the leader stops", async () => {
    const [first, second] = processes as [Component, Component];
    const before = await holder();
    await first.stop(10_000);
    await eventually("the other to lead", async () => {
      const now = await holder();
      return now !== "" && now !== before;
    });
    expect(second.alive).toBe(true);
    const namespace = await api.namespace("second");
    await api.kubectl(["apply", "-f", "-"], {
      stdin: resource(namespace, { schedulerSpec: { spicepod }, executorSpec: { replicas: 0 } }),
    });
    await eventually("its children", () =>
      admin.get(types.deployment, { namespace, name: "sales-scheduler" }),
    );
  });

  it("is upgraded and removed, and clusters stay", async () => {
    const namespace = await api.namespace("stay");
    const stdin = resource(namespace, { schedulerSpec: { spicepod } });
    await api.kubectl(["apply", "-f", "-"], { stdin });
    const changed = ["--set", "pauseCrashloopingPodsThreshold=3", "--wait", "--timeout", "110s"];
    await api.helm(["upgrade", ...release, ...changed]);
    const target = { namespace: "spice-system", name: "spiceai-operator" };
    const { spec } = await admin.get<Deployment>(types.deployment, target);
    expect(spec.template.spec.containers[0]?.args).toContain("--pause-crashlooping-pods-threshold=3");
    for (const process of processes) await process.stop(10_000);
    await api.helm(["uninstall", "spiceai-operator", "--namespace", "spice-system", "--wait"]);
    expect(await api.kubectl(["get", "spc", "-n", namespace])).toContain("sales");
    const left = ["get", "clusterrole,clusterrolebinding,validatingwebhookconfiguration", "-o", "name"];
    expect(await api.kubectl(left)).not.toContain("spiceai-operator");
    const said = processes.map((process) => process.log()).join("\n");
    expect(said.split("\n").filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});
