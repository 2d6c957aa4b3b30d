import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { KubeObject, ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/resource-types.ts";
import { webhookConfigurationType } from "../../src/webhook/certificate/ca-bundle.ts";
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
const clusterYaml = (name: string, executors: string, claim = "") => `
apiVersion: spice.ai/v2
kind: SpicepodCluster
metadata: { name: ${name} }
spec:
  schedulerSpec: { spicepod: { datasets: [] } }
  executorSpec: { replicas: ${executors}${claim} }
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
  api = await ApiServer.start();
});

afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

afterAll(() => api.stop());

function helm(...args: readonly string[]): Promise<string> {
  return api.helm([...args, "--namespace", namespace]);
}

/** Starts what the Deployment starts, as its service account. Nobody serves Services here, so it listens itself. */
async function start(addresses: { readonly webhook?: string } = {}): Promise<OperatorProcess> {
  const deployment = await api.client().get<Deployment>(types.deployment, { namespace, name: release });
  const token = await api.serviceAccountToken(namespace, release);
  const { args } = deployment.spec.template.spec.containers[0]!;
  const own = [
    "--health-probe-bind-address=127.0.0.1:0",
    "--metrics-bind-address=127.0.0.1:0",
    ...(addresses.webhook === undefined ? [] : [`--webhook-bind-address=${addresses.webhook}`]),
  ];
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

/** The address of the webhook's Service: the API server calls it, and the operator listens there. */
async function webhookAddress(): Promise<string> {
  const service = await api
    .client()
    .get<KubeObject & { spec: { clusterIP: string } }>(types.service, {
      namespace,
      name: `${release}-webhook`,
    });
  return `${service.spec.clusterIP}:443`;
}

function apply(text: string, inNamespace: string): Promise<string> {
  return api.kubectl(["apply", "--namespace", inNamespace, "-f", "-"], { stdin: text });
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

describe("the chart on a real API server", () => {
  test("is installed; its account may do what the operator does, and no more is asked for", async () => {
    const mark = api.audit.mark();
    await helm("install", release, chart, "--create-namespace");
    const data = await api.namespace("data");
    const address = await webhookAddress();
    const leader = await start({ webhook: address });
    const standby = await start({ webhook: "127.0.0.1:0" });
    await ready(leader);
    await ready(standby);

    // The API server asks the webhook, whose certificate it trusts by now.
    await eventually("the roots to be published", async () => {
      const configuration = await api
        .client()
        .get<KubeObject & { webhooks: { clientConfig: { caBundle?: string } }[] }>(webhookConfigurationType, {
          name: `${release}.${namespace}`,
        });
      return configuration.webhooks[0]?.clientConfig.caBundle !== undefined;
    });
    const claim =
      ", volumeClaimTemplates: [{ metadata: { name: data }, spec: { storageClassName: none, resources: { requests: { storage: 1Gi } } } }]";
    await eventually("a wrong resource to be refused", async () => {
      const refused = apply(clusterYaml("wrong", "1", claim), data);
      const said = await refused.then(
        () => "",
        (error: Error) => error.message,
      );
      await api.kubectl(["delete", "spicepodcluster", "wrong", "--namespace", data, "--ignore-not-found"]);
      return said.includes(
        'spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName: the storage class "none" does not exist.',
      );
    });
    // What is only odd is a warning, and goes in.
    expect(await apply(clusterYaml("sales", "1"), data)).toContain("sales created");
    await eventually("all children", children(data, "sales"));

    // The next leads at once when one goes, in good order.
    const [first, second] = leader.said("leading") === undefined ? [standby, leader] : [leader, standby];
    expect(second.said("leading")).toBeUndefined();
    const from = performance.now();
    expect(await first.stop()).toBe(0);
    expect(performance.now() - from).toBeLessThan(10_000);
    await eventually("the other to lead", () => second.said("leading") !== undefined);
    await api.client().delete(types.service, { namespace: data, name: "sales" });
    await eventually("drift to be repaired", () =>
      api.client().get(types.service, { namespace: data, name: "sales" }),
    );
    await api.kubectl(["delete", "spicepodcluster", "sales", "--namespace", data, "--timeout=50s"]);
    expect(refusals(mark)).toEqual([]);
    const errors = [...first.lines, ...second.lines].filter(({ level }) => level === "error");
    expect(errors).toEqual([]);
  });

  test("is upgraded to Roles in its namespaces only, and removed but for what clusters need", async () => {
    const data = await api.namespace("team");
    const mark = api.audit.mark();
    const values = ["--set", `namespaces={${data}}`, "--set", "webhook.enabled=false", "--set", "replicas=1"];
    await helm("upgrade", release, chart, ...values);
    const operator = await start();
    await ready(operator);
    await apply(clusterYaml("sales", "1"), data);
    await eventually("all children", children(data, "sales"));
    const allowed = async (...question: readonly string[]) =>
      (
        await api.kubectl(["auth", "can-i", ...question], {
          token: await api.serviceAccountToken(namespace, release),
        })
      ).trim();
    expect(await allowed("create", "deployments", "--namespace", data)).toBe("yes");
    await expect(allowed("list", "secrets", "--namespace", data)).rejects.toThrow();
    await expect(allowed("get", "spicepodclusters", "--namespace", "default")).rejects.toThrow();
    await api.kubectl(["delete", "spicepodcluster", "sales", "--namespace", data, "--timeout=50s"]);
    // Without a ClusterRole storage classes cannot be seen, and only a claim would have asked for them.
    expect(refusals(mark)).toEqual([]);
    await operator.stop();

    await helm("uninstall", release);
    const left = await api.kubectl(["get", "clusterroles,validatingwebhookconfigurations", "--output=name"]);
    expect(left).not.toContain("spiceai");
    await api.client().get(crds, { name: "spicepodclusters.spice.ai" });
  });
});
