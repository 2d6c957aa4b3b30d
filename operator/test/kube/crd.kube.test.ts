import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, type KubeObject, StatusError } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { customResourceDefinition } from "../../src/api/crd.ts";
import { spicepodClusterSchema } from "../../src/api/spicepod-cluster.ts";
import { applyDefaults } from "../../src/schema/apply-defaults.ts";
import type { Json, JsonObject } from "../../src/schema/schema.ts";
import { formatFieldProblem, validateCluster } from "../../src/validate/validate.ts";
import { exampleNames } from "../examples.ts";
import {
  type ClusterObject,
  clusterCrd,
  exampleCluster,
  spicepodClusters,
} from "./support/cluster-objects.ts";
import { resource, ruleCases } from "./support/rule-cases.ts";

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: Node;
  readonly description?: string;
  readonly "x-kubernetes-validations"?: readonly { readonly message: string; readonly fieldPath?: string }[];
}

/** Every schema below one, with its path. */
function walk(node: Node, path: string, see: (path: string, node: Node) => void): void {
  see(path, node);
  for (const [name, child] of Object.entries(node.properties ?? {})) walk(child, `${path}.${name}`, see);
  for (const child of [node.items, node.additionalProperties]) {
    if (typeof child === "object") walk(child, `${path}[]`, see);
  }
}

function ourSchema(): Node {
  const { versions } = customResourceDefinition()["spec"] as never as {
    versions: readonly { readonly schema: { readonly openAPIV3Schema: Node } }[];
  };
  return versions[0]?.schema.openAPIV3Schema ?? {};
}

const rules: { at: string; message: string; field: string }[] = [];
walk(ourSchema(), "", (at, node) => {
  for (const { message, fieldPath = "" } of node["x-kubernetes-validations"] ?? []) {
    rules.push({ at, message, field: `${at}${fieldPath}`.slice(1).replaceAll("[]", "[0]") });
  }
});

describe("SpicepodCluster on a real API server", () => {
  let api: ApiServer;
  let client: Client;

  beforeAll(async () => {
    api = await ApiServer.start({ crds: [clusterCrd], controllers: false });
    client = api.client();
  });
  afterAll(async () => {
    await api?.stop();
  });

  const at = (object: JsonObject, namespace: string): ClusterObject => {
    const { metadata, ...rest } = object as never as ClusterObject;
    return { ...rest, metadata: { ...metadata, namespace } };
  };

  it.each(exampleNames)("%s is stored with the defaults that we apply ourselves", async (name) => {
    const namespace = await api.namespace(name);
    const written = exampleCluster(name, { namespace });
    const { spec } = await client.create<ClusterObject>(spicepodClusters, written);
    const complete = applyDefaults(spicepodClusterSchema, written as never as Json) as JsonObject;
    expect(spec).toEqual(complete["spec"]);
  });

  it.each(rules)("$at: $message", async ({ at: place, message, field }) => {
    const cases = ruleCases.filter((one) => one.at === place && message.startsWith(one.message));
    expect(cases).toHaveLength(1);
    const [{ bad, good, before }] = cases as [(typeof ruleCases)[number]];
    const namespace = await api.namespace("rule");
    const send = async (object: JsonObject) => {
      const wanted = at(object, namespace);
      if (before === undefined) return await client.create(spicepodClusters, wanted, { dryRun: true });
      const target = { namespace, name: "sales" };
      const { metadata } = await client.get(spicepodClusters, target);
      return await client.replace(spicepodClusters, { ...wanted, metadata }, { dryRun: true });
    };
    if (before !== undefined) await client.create(spicepodClusters, at(before, namespace));
    await expect(send(good)).resolves.toMatchObject({ kind: "SpicepodCluster" });
    const refusal = await send(bad).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StatusError);
    const { code, status } = refusal as StatusError;
    expect(code).toBe(422);
    const causes = (status.details?.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`);
    expect(causes.filter((cause) => cause.startsWith(`${field}: `) && cause.endsWith(message))).toHaveLength(
      1,
    );
    // What the operator itself says without the API server.
    const { problems = [] } = validateCluster(bad, before);
    expect(problems.map(formatFieldProblem)).toContain(`${field}: ${message}`);
    expect(validateCluster(good, before).problems).toBeUndefined();
  });

  it("drops unknown fields of ours, keeps those of others, and lets kubectl refuse them", async () => {
    const namespace = await api.namespace("unknown");
    const odd = resource({
      schedulerSpec: {
        replica: 2,
        spicepod: { datasets: [], newSection: { a: [1, { b: null }] } },
        volumes: [{ name: "v", csi: { driver: "x", volumeAttributes: { a: "b" } } }],
        nodeAffinity: { future: true },
      },
    });
    const { spec } = await client.create<ClusterObject>(spicepodClusters, at(odd, namespace));
    const scheduler = spec["schedulerSpec"] as JsonObject;
    expect(scheduler["replica"]).toBeUndefined();
    expect(scheduler["spicepod"]).toEqual({ datasets: [], newSection: { a: [1, { b: null }] } });
    expect(scheduler["volumes"]).toEqual([{ name: "v", csi: { driver: "x", volumeAttributes: { a: "b" } } }]);
    expect(scheduler["nodeAffinity"]).toEqual({ future: true });
    const stdin = JSON.stringify(at({ ...odd, metadata: { name: "other" } }, namespace));
    const refused = api.kubectl(["create", "-f", "-"], { stdin });
    await expect(refused).rejects.toThrow('unknown field "spec.schedulerSpec.replica"');
  });

  it("is explained field by field", async () => {
    const openapi = await client.getPath<{ components: { schemas: Record<string, Node> } }>(
      "/openapi/v3/apis/spice.ai/v2",
    );
    const published = openapi.components.schemas["ai.spice.v2.SpicepodCluster"];
    const paths: string[] = [];
    const silent: string[] = [];
    walk(published ?? {}, "", (path, { description = "" }) => {
      paths.push(path);
      if (!path.endsWith("[]") && description.trim() === "") silent.push(path);
    });
    expect(silent).toEqual([]);
    const expected: string[] = [];
    walk(ourSchema(), "", (path) => expected.push(path));
    const missing = expected.filter((path) => !path.startsWith(".metadata.") && !paths.includes(path));
    expect(missing).toEqual([]);
    const asked = ["spicepodclusters", "spc.spec.executorSpec.volumeClaimTemplates", "spc.status.conditions"];
    for (const path of [...asked, "spc.spec.schedulerSpec.spicepod.datasets.acceleration.engine"]) {
      expect(await api.kubectl(["explain", path])).toMatch(/DESCRIPTION:\n\s+\w+ /);
    }
    const tree = await api.kubectl(["explain", "spicepodcluster", "--recursive"]);
    expect(tree).toContain("terminationGracePeriodSeconds");
  });

  it("has columns, a short name, a category, a status and a scale", async () => {
    const namespace = await api.namespace("parts");
    const made = await client.create<ClusterObject>(
      spicepodClusters,
      at(resource({ executorSpec: { replicas: 3 } }), namespace),
    );
    expect(made.metadata.generation).toBe(1);
    const condition = {
      ...{ type: "Ready", status: "True", reason: "AsExpected", message: "all is well" },
      lastTransitionTime: "2030-01-01T00:00:00Z",
    };
    const status = {
      conditions: [condition],
      executors: { ready: 2, total: 3 },
      summary: { schedulers: "1/1", executors: "2/3", partitions: "16/16", datasets: "4/4" },
      selector: "spice.ai/cluster=sales,spice.ai/cluster-role=executor",
    };
    // The status is written through its subresource only, and nothing else through that.
    const spec = { ...made.spec, paused: true };
    const noStatus = await client.replace<ClusterObject>(spicepodClusters, { ...made, status });
    expect(noStatus.status).toBeUndefined();
    const subresource = "status";
    const reported = await client.replace<ClusterObject>(
      spicepodClusters,
      { ...noStatus, spec, status },
      { subresource },
    );
    expect(reported.status).toEqual(status);
    expect([reported.spec["paused"], reported.metadata.generation]).toEqual([false, 1]);
    const bad = { ...reported, status: { conditions: [{ ...condition, reason: "Whatever" }] } };
    await expect(client.replace(spicepodClusters, bad, { subresource })).rejects.toThrow(
      /status\.conditions\[0\]\.reason: Unsupported value: "Whatever"/,
    );
    for (const name of ["spc", "spice", "spicepodcluster", "spicepodclusters.v2.spice.ai"]) {
      const lines = (await api.kubectl(["get", name, "-n", namespace])).trim().split("\n");
      expect(lines.map((line) => line.split(/\s+/).slice(0, -1))).toEqual([
        ["NAME", "READY", "SCHEDULERS", "EXECUTORS", "PARTITIONS", "DATASETS"],
        ["sales", "True", "1/1", "2/3", "16/16", "4/4"],
      ]);
    }
    await api.kubectl(["wait", "spc/sales", "-n", namespace, "--for=condition=Ready", "--timeout=60s"]);
    await api.kubectl(["scale", "spc/sales", "-n", namespace, "--replicas=5"]);
    const path = `/apis/spice.ai/v2/namespaces/${namespace}/spicepodclusters/sales`;
    const scale = await client.getPath<KubeObject>(`${path}/scale`);
    expect(scale).toMatchObject({
      spec: { replicas: 5 },
      status: { replicas: 3, selector: status.selector },
    });
    const scaled = await client.getPath<ClusterObject>(path);
    expect([scaled.spec["executorSpec"], scaled.metadata.generation]).toEqual([
      { ...(made.spec["executorSpec"] as JsonObject), replicas: 5 },
      2,
    ]);
    await expect(api.kubectl(["scale", "spc/sales", "-n", namespace, "--replicas=1001"])).rejects.toThrow(
      /spec\.executorSpec\.replicas/,
    );
  });
});
