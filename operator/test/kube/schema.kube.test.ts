import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, canonicalJson, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { customResourceDefinition } from "../../src/api/crd.ts";
import { nothingObserved } from "../../src/render/context.ts";
import { renderCluster } from "../../src/render/render-cluster.ts";
import type { Json, JsonObject } from "../../src/schema/schema.ts";
import { formatFieldProblem, validateCluster } from "../../src/validate/validate.ts";
import {
  type ClusterObject,
  certificateCrd,
  clusterCrd,
  podMonitorCrd,
  spicepodClusters,
  typesOf,
} from "./support/cluster-objects.ts";
import { livedPaths, renderedCases, singleValued } from "./support/path-cases.ts";

/** The paths below `spec` that hold a value: fields of the embedded spicepod are the runtime's, so it is one. */
function leafPaths(schema: JsonObject, path: string): string[] {
  const { properties, items, additionalProperties } = schema as {
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly items?: JsonObject;
    readonly additionalProperties?: JsonObject;
  };
  if (path === "schedulerSpec.spicepod") return [path];
  const inner = items ?? additionalProperties;
  if (inner !== undefined) return leafPaths(inner, `${path}[]`);
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, child]) =>
    leafPaths(child, path === "" ? name : `${path}.${name}`),
  );
}

function specSchema(): JsonObject {
  const { versions } = customResourceDefinition()["spec"] as never as {
    versions: readonly [{ schema: { openAPIV3Schema: { properties: { spec: JsonObject } } } }];
  };
  return versions[0].schema.openAPIV3Schema.properties.spec;
}

describe("every path of a SpicepodCluster has an effect", () => {
  let api: ApiServer;
  let client: Client;
  let namespace: string;
  let typeOf: (object: KubeObject) => Promise<ResourceType>;

  beforeAll(async () => {
    api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd, certificateCrd], controllers: false });
    client = api.client();
    namespace = await api.namespace("paths");
    typeOf = typesOf(client);
  });
  afterAll(async () => {
    await api?.stop();
  });

  it("and a case that shows it", () => {
    const named = [...[...renderedCases, ...singleValued].map(({ path }) => path), ...livedPaths];
    expect(leafPaths(specSchema(), "").toSorted()).toEqual(named.toSorted());
  });

  /** What a spec becomes: stored by the API server, then rendered. */
  async function render(spec: JsonObject): Promise<Map<string, KubeObject>> {
    const wanted: ClusterObject = {
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name: "sales", namespace } },
      spec,
    };
    const stored = await client.create(spicepodClusters, wanted, { dryRun: true });
    const { cluster, problems = [] } = validateCluster(stored as never as Json);
    if (cluster === undefined) throw new Error(problems.map(formatFieldProblem).join("; "));
    const metadata = { ...cluster.metadata, uid: "00000000-0000-4000-8000-000000000000" };
    const objects = renderCluster({
      ...{ cluster: { ...cluster, metadata }, observed: nothingObserved, clusterDomain: "cluster.local" },
    }) as never as KubeObject[];
    return new Map(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
  }

  it.each(singleValued)("$path", async ({ path, refused }) => {
    const field = path.replace("[]", "[0]");
    await expect(render(refused)).rejects.toThrow(`spec.${field}`);
  });

  it.each(renderedCases)("$path", async ({ one, other }) => {
    const [first, second] = [await render(one), await render(other)];
    const keys = [...new Set([...first.keys(), ...second.keys()])];
    const changed = keys.filter((key) => canonicalJson(first.get(key)) !== canonicalJson(second.get(key)));
    expect(changed).not.toEqual([]);
    // What became of it is something that the API server takes.
    for (const object of changed.flatMap((key) => [first.get(key), second.get(key)])) {
      if (object === undefined) continue;
      await client.apply(await typeOf(object), object, { fieldManager: "test", dryRun: true });
    }
  });
});
