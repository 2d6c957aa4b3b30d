/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  Applier,
  type Client,
  differences,
  isInvalid,
  type KubeObject,
  type ListRule,
  listRulesOf,
  type ResourceType,
} from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { listRules } from "../../src/api/list-rules.ts";
import type { Json } from "../../src/schema/schema.ts";
import { leaveBundlesIfFailed } from "../support/leave-bundle.ts";
import {
  type ClusterObject,
  clusterCrd,
  exampleCluster,
  podMonitorCrd,
  renderExample,
  spicepodClusters,
  typesOf,
} from "./support/cluster-objects.ts";
import { leavesOf, otherThan, type Path, valueAt, withValue } from "./support/paths.ts";

describe("drift of the children on a real API server", () => {
  let api: ApiServer;
  let operator: Client;
  let editor: Client;
  let typeOf: (object: KubeObject) => Promise<ResourceType>;

  beforeAll(async () => {
    const users = ["operator", "editor"].map((name) => ({ name, groups: ["system:masters"] }));
    // Without controllers nothing else writes: every write that is counted is an answer to an edit.
    api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd], users, controllers: false });
    operator = api.client({ user: "operator" });
    editor = api.client({ user: "editor" });
    typeOf = typesOf(operator);
  });
  afterEach(() => leaveBundlesIfFailed(editor));
  afterAll(async () => {
    await api?.stop();
  });

  const newApplier = () =>
    new Applier({
      client: operator,
      fieldManager: "spice-operator",
      annotation: "spice.ai/applied",
      listRules,
    });

  async function rendered(name: string): Promise<KubeObject[]> {
    const namespace = await api.namespace(name);
    const owner = await editor.create<ClusterObject>(spicepodClusters, exampleCluster(name, { namespace }));
    return renderExample(name, owner);
  }

  it.each([
    ["production", "Deployment"],
    ["production", "StatefulSet"],
    ["production", "ConfigMap"],
    ["production", "Service"],
    ["production", "PodDisruptionBudget"],
    ["service-accounts", "ServiceAccount"],
    ["service-accounts", "Role"],
    ["service-accounts", "RoleBinding"],
    ["network", "NetworkPolicy"],
    ["pod-monitor", "PodMonitor"],
    ["environment", "Deployment"],
    ["placement", "StatefulSet"],
    ["volumes", "StatefulSet"],
    ["probes", "Deployment"],
  ])("of %s, every field of its %s that someone edits comes back, by one write", async (name, kind) => {
    const wanted = (await rendered(name)).find((object) => object.kind === kind);
    if (wanted === undefined) throw new Error(`${name} renders no ${kind}`);
    const type = await typeOf(wanted);
    const applier = newApplier();
    await applier.apply(type, wanted);
    const whole = contentOf(await editor.get<KubeObject>(type, nameOf(wanted)));
    const wrong: string[] = [];
    let edited = 0;
    for (const path of leavesOf(wanted).filter(isEditable)) {
      const value = await edit(type, wanted, path);
      if (value === undefined) continue; // The API server refuses such an edit, so there is nothing to repair.
      edited += 1;
      const mark = api.audit.mark();
      const text = `${path.join(".")} = ${JSON.stringify(value)}`;
      try {
        const done = await applier.apply(type, wanted);
        const left = differences(wanted, done.object, listRulesOf(kind, rulesOf(kind)));
        if (done.kind !== "updated") wrong.push(`${text}: ${done.kind}`);
        if (left.length > 0) wrong.push(`${text}: ${JSON.stringify(left)}`);
        if ((await applier.apply(type, wanted)).kind !== "unchanged") wrong.push(`${text}: not settled`);
        const writes = api.audit.writesSince(mark, "operator");
        // An item whose key was edited is another item: it is taken away besides.
        const most = /^(name|containerPort|mountPath|port)$/.test(String(path.at(-1))) ? 3 : 1;
        if (writes.length < 1 || writes.length > most) wrong.push(`${text}: ${writes.length} writes`);
        // Nothing is left of the edit either, such as an item under another key.
        const extra = differences(contentOf(done.object), whole, listRulesOf(kind, rulesOf(kind)));
        // The name of a pull secret is all that it has: another is as well somebody's own.
        if (path.includes("imagePullSecrets")) await anew(applier, type, wanted);
        else if (extra.length > 0) wrong.push(`${text}: left ${JSON.stringify(extra)}`);
      } catch (error) {
        wrong.push(`${text}: ${error instanceof Error ? error.message : error}`);
        await anew(applier, type, wanted);
      }
    }
    expect(wrong).toEqual([]);
    expect(edited).toBeGreaterThan(0);
  });

  it("leaves what others add, beside what they renamed", async () => {
    const wanted = (await rendered("environment")).find(({ kind }) => kind === "Deployment");
    if (wanted === undefined) throw new Error("no Deployment");
    const type = await typeOf(wanted);
    const applier = newApplier();
    await applier.apply(type, wanted);
    type Named = { name: string };
    type Container = { env: Named[]; volumeMounts: (Named & { mountPath: string })[] };
    type Pods = { containers: Container[]; volumes: object[] };
    const podsOf = (object: KubeObject) => valueAt(object, ["spec", "template", "spec"]) as Pods;
    const live = structuredClone(await editor.get<KubeObject>(type, nameOf(wanted)));
    const { containers, volumes } = podsOf(live);
    const [main] = containers;
    if (main === undefined) throw new Error("no container");
    const [first] = main.env;
    const renamed = first?.name ?? "";
    // What a controller beside us adds, and a person's edit, in one.
    main.env = [
      ...main.env.map((item) => (item === first ? { ...item, name: "RENAMED" } : item)),
      { name: "INJECTED", value: "1" } as Named,
    ];
    volumes.push({ name: "injected", emptyDir: {} });
    main.volumeMounts.push({ name: "injected", mountPath: "/injected" });
    await editor.replace(type, live, { fieldManager: "editor" });
    const { kind, object } = await applier.apply(type, wanted);
    const after = podsOf(object).containers[0];
    expect(kind).toBe("updated");
    expect(after?.env.map(({ name }) => name)).toEqual(expect.arrayContaining([renamed, "INJECTED"]));
    expect(after?.env.map(({ name }) => name)).not.toContain("RENAMED");
    expect(after?.volumeMounts.map(({ mountPath }) => mountPath)).toContain("/injected");
    expect(podsOf(object).volumes).toContainEqual({ name: "injected", emptyDir: {} });
    expect((await applier.apply(type, wanted)).kind).toBe("unchanged");
  });

  async function anew(applier: Applier, type: ResourceType, wanted: KubeObject): Promise<void> {
    await editor.delete(type, wanted.metadata as { name: string; namespace: string });
    await applier.apply(type, wanted);
  }

  /** Writes another value to the live object; `undefined` when the API server refuses or changes nothing. */
  async function edit(type: ResourceType, object: KubeObject, path: Path): Promise<Json | undefined> {
    const { name = "", namespace = "" } = object.metadata;
    const live = await editor.get<KubeObject>(type, { name, namespace });
    const before = valueAt(live, path) as Json | undefined;
    if (before === undefined) return undefined;
    const value = otherThan(before);
    try {
      const after = await editor.replace(type, withValue(live, path, value), { fieldManager: "editor" });
      return valueAt(after, path) === value ? value : undefined;
    } catch (error) {
      if (isInvalid(error)) return undefined;
      throw error;
    }
  }
});

function nameOf({ metadata: { name = "", namespace = "" } }: KubeObject) {
  return { name, namespace };
}

/** What people write into an object. */
function contentOf({ status: _status, metadata, ...rest }: KubeObject & { status?: unknown }): unknown {
  const { labels, annotations } = metadata;
  return { ...rest, metadata: { labels, annotations } };
}

function rulesOf(kind: string): Record<string, ListRule> {
  return kind === "Deployment" || kind === "StatefulSet" ? listRules[kind] : {};
}

/** Identity and ownership are no content: who edits them makes another object. */
function isEditable(path: Path): boolean {
  return (
    path[0] !== "apiVersion" &&
    path[0] !== "kind" &&
    !(path[0] === "metadata" && ["name", "namespace", "ownerReferences"].includes(String(path[1])))
  );
}
