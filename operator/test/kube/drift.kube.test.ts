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
        // Where others may add items, the renamed one stays as theirs, and would be edited in place of ours.
        if (path.at(-1) === "name") await anew(applier, type, wanted);
      } catch (error) {
        wrong.push(`${text}: ${error instanceof Error ? error.message : error}`);
        await anew(applier, type, wanted);
      }
    }
    expect(wrong).toEqual([]);
    expect(edited).toBeGreaterThan(0);
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
