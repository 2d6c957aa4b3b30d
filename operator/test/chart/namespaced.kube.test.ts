/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { KubeObject, ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import { leaveBundlesIfFailed } from "../support/leave-bundle.ts";
import { OperatorProcess } from "./operator-process.ts";
import { chart, namespace } from "./support.ts";

const release = "spiceai-operator";
const account = `system:serviceaccount:${namespace}:${release}`;
const crds: ResourceType = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};
const clusterYaml = `
apiVersion: spice.ai/v2
kind: SpicepodCluster
metadata: { name: sales }
spec:
  schedulerSpec: { spicepod: { datasets: [] } }
`;

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
    };
  };
}

let api: ApiServer;
const running: OperatorProcess[] = [];

beforeAll(async () => {
  api = await ApiServer.start({ controllers: false });
});

afterEach(async () => {
  const logs = running.map(({ lines }, i) => [`operator/log-${i}.json`, lines] as const);
  await leaveBundlesIfFailed(api.client(), Object.fromEntries(logs));
  for (const each of running.splice(0)) await each.stop();
});

afterAll(() => api.stop());

function helm(...args: readonly string[]): Promise<string> {
  return api.helm([...args, "--namespace", namespace]);
}

/** Starts what the Deployment starts, as its service account. */
async function start(): Promise<OperatorProcess> {
  const deployment = await api.client().get<Deployment>(types.deployment, { namespace, name: release });
  const token = await api.serviceAccountToken(namespace, release);
  const { args } = deployment.spec.template.spec.containers[0]!;
  const own = ["--health-probe-bind-address=127.0.0.1:0", "--metrics-bind-address=127.0.0.1:0"];
  const kubeconfig = api.kubeconfig({ token, namespace });
  const started = new OperatorProcess([...args, ...own, `--kubeconfig=${kubeconfig}`]);
  running.push(started);
  await eventually("health to be served", () => started.said("serving health") !== undefined);
  return started;
}

async function ready(operator: OperatorProcess): Promise<void> {
  const port = operator.said("serving health")?.["port"];
  await eventually("the operator to be ready", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/ready`);
    return response.status === 200;
  });
}

function refusals(mark: number) {
  return api.audit
    .since(mark, account)
    .filter(({ code }) => code === 403)
    .map(({ verb, resource, uri }) => `${verb} ${resource} ${uri}`);
}

const children = (inNamespace: string, name: string) => async () => {
  const client = api.client();
  await client.get(types.deployment, { namespace: inNamespace, name: `${name}-scheduler` });
  await client.get(types.statefulSet, { namespace: inNamespace, name: `${name}-executor-0` });
  await client.get(types.secret, { namespace: inNamespace, name: `${name}-executor-0-tls` });
  return true;
};

test("Roles in its namespaces are all that the operator needs", async () => {
  const team = await api.namespace("team");
  const mark = api.audit.mark();
  const values = ["--set", `namespaces={${team}}`, "--set", "webhook.enabled=false", "--set", "replicas=1"];
  await helm("install", release, chart, "--create-namespace", ...values);
  const operator = await start();
  await ready(operator);
  await api.kubectl(["apply", "--namespace", team, "-f", "-"], { stdin: clusterYaml });
  await eventually("all children", children(team, "sales"));
  const token = await api.serviceAccountToken(namespace, release);
  const allowed = async (...question: readonly string[]) =>
    (await api.kubectl(["auth", "can-i", ...question], { token })).trim();
  expect(await allowed("create", "deployments", "--namespace", team)).toBe("yes");
  await expect(allowed("list", "secrets", "--namespace", team)).rejects.toThrow();
  await expect(allowed("get", "spicepodclusters", "--namespace", "default")).rejects.toThrow();
  await api.kubectl(["delete", "spicepodcluster", "sales", "--namespace", team, "--timeout=50s"]);
  expect(refusals(mark)).toEqual([]);
  expect(await operator.stop()).toBe(0);
  expect(operator.lines.filter(({ level }) => level === "error")).toEqual([]);
  await helm("uninstall", release);
  await api.client().get(crds, { name: "spicepodclusters.spice.ai" });
});
