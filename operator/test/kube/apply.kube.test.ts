/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Applier, type Client, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../kube/test/support/api-server.ts";
import { KubeletDouble } from "../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../kube/test/support/wait.ts";
import { listRules } from "../../src/api/list-rules.ts";
import { exampleNames } from "../examples.ts";
import { leaveBundlesIfFailed } from "../support/leave-bundle.ts";
import {
  type ClusterObject,
  certificateCrd,
  clusterCrd,
  exampleCluster,
  podMonitorCrd,
  renderExample,
  spicepodClusters,
  typesOf,
} from "./support/cluster-objects.ts";
import { type Path, valueAt, withValue } from "./support/paths.ts";

const annotation = "spice.ai/applied";
const priorityClasses: ResourceType = {
  ...{ group: "scheduling.k8s.io", version: "v1", plural: "priorityclasses", kind: "PriorityClass" },
  namespaced: false,
};
const serviceAccounts: ResourceType = {
  ...{ group: "", version: "v1", plural: "serviceaccounts", kind: "ServiceAccount", namespaced: true },
};

describe("what the renderers make, on a real API server", () => {
  let api: ApiServer;
  let kubelet: KubeletDouble;
  let operator: Client;
  let editor: Client;
  let typeOf: (object: KubeObject) => Promise<ResourceType>;

  beforeAll(async () => {
    const users = ["operator", "editor"].map((name) => ({ name, groups: ["system:masters"] }));
    api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd, certificateCrd], users });
    kubelet = new KubeletDouble(api.client());
    await kubelet.start();
    operator = api.client({ user: "operator" });
    editor = api.client({ user: "editor" });
    typeOf = typesOf(operator);
    await editor.create<KubeObject & { value: number }>(priorityClasses, {
      ...{ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "high" } },
      value: 1000,
    });
  });
  afterEach(() => leaveBundlesIfFailed(editor));
  afterAll(async () => {
    await kubelet?.stop();
    await api?.stop();
  });

  const newApplier = () =>
    new Applier({ client: operator, fieldManager: "spice-operator", annotation, listRules });

  /** Creates an example with what it takes for granted, and renders it. */
  async function rendered(name: string): Promise<KubeObject[]> {
    const namespace = await api.namespace(name);
    const metadata = { name: "existing", namespace };
    await editor.create(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    const owner = await editor.create<ClusterObject>(spicepodClusters, exampleCluster(name, { namespace }));
    return renderExample(name, owner);
  }

  /** Applies all; answers what was done otherwise than `expected`. */
  async function applyAll(
    applier: Applier,
    objects: readonly KubeObject[],
    expected: string,
  ): Promise<string[]> {
    const others: string[] = [];
    for (const object of objects) {
      const { kind, ...rest } = await applier.apply(await typeOf(object), object);
      const because = "because" in rest ? JSON.stringify(rest.because) : "";
      if (kind !== expected) others.push(`${object.kind} ${object.metadata.name}: ${kind} ${because}`);
    }
    return others;
  }

  /** Waits until every workload has as many ready pods as it wants. */
  async function standing(objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")) {
      const type = await typeOf(object);
      const { name = "", namespace = "" } = object.metadata;
      await eventually(`${object.kind} ${name} to have its pods`, async () => {
        const live = await editor.get(type, { name, namespace });
        const ready = valueAt(live, ["status", "readyReplicas"]) ?? 0;
        return ready === valueAt(object, ["spec", "replicas"]);
      });
    }
  }

  it.each(exampleNames)("%s is taken, and written once", async (name) => {
    const objects = await rendered(name);
    const applier = newApplier();
    expect(await applyAll(applier, objects, "created")).toEqual([]);
    const mark = api.audit.mark();
    expect(await applyAll(applier, objects, "unchanged")).toEqual([]);
    // Controllers have filled in their part when the workloads stand; another process knows nothing of the first.
    await standing(objects);
    expect(await applyAll(newApplier(), objects, "unchanged")).toEqual([]);
    expect(api.audit.writesSince(mark, "operator")).toEqual([]);
  });

  it("makes deleted children again, and waits for those that are being deleted", async () => {
    const objects = await rendered("production");
    const applier = newApplier();
    await applyAll(applier, objects, "created");
    for (const object of objects) {
      const type = await typeOf(object);
      const { name = "", namespace = "" } = object.metadata;
      await editor.delete(type, { name, namespace }, { propagationPolicy: "Foreground" });
      const done = await eventually(`${object.kind} ${name} to be made again`, async () => {
        const applied = await applier.apply(type, object);
        if (applied.kind !== "terminating") return applied;
        return undefined;
      });
      expect([object.kind, done.kind]).toEqual([object.kind, "created"]);
    }
    await standing(objects);
    expect(await applyAll(applier, objects, "unchanged")).toEqual([]);
  });

  it("takes fields back from another field manager, who is told whose they are", async () => {
    const objects = await rendered("production");
    const applier = newApplier();
    await applyAll(applier, objects, "created");
    const deployment = objects.find(({ kind }) => kind === "Deployment") as KubeObject;
    const { name = "", namespace = "" } = deployment.metadata;
    const type = await typeOf(deployment);
    const theirs = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace, labels: { team: "blue" } },
      spec: { replicas: 5 },
    };
    const refused = editor.apply(type, theirs, { fieldManager: "argocd" });
    await expect(refused).rejects.toThrow(/conflict with "spice-operator".*\.spec\.replicas/s);
    await editor.apply(type, theirs, { fieldManager: "argocd", force: true });
    const done = await applier.apply(type, deployment);
    expect(done).toMatchObject({
      kind: "updated",
      because: [{ path: "spec.replicas", wanted: 2, found: 5 }],
    });
    // What we do not ask for stays theirs.
    expect(done.object.metadata.labels).toMatchObject({ team: "blue" });
    expect((await applier.apply(type, deployment)).kind).toBe("unchanged");
  });

  it("takes away what is no longer wanted", async () => {
    const objects = await rendered("environment");
    const deployment = objects.find(({ kind }) => kind === "Deployment") as KubeObject;
    const type = await typeOf(deployment);
    const applier = newApplier();
    const containers: Path = ["spec", "template", "spec", "containers", 0];
    const created = await applier.apply(type, deployment);
    expect((valueAt(created.object, [...containers, "env"]) as unknown[]).length).toBeGreaterThan(2);
    const less = withValue(deployment, [...containers, "env"], [{ name: "ONLY", value: "1" }]);
    const done = await newApplier().apply(type, less);
    expect(done.kind).toBe("updated");
    expect(valueAt(done.object, [...containers, "env"])).toEqual([{ name: "ONLY", value: "1" }]);
    expect((await newApplier().apply(type, less)).kind).toBe("unchanged");
  });
});
