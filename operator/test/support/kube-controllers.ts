import type { KubeObject } from "@spice-shards/kube";
import type { FakeStore } from "@spice-shards/kube/testing";
import type {
  ClaimObject,
  DeploymentObject,
  PodObject,
  StatefulSetObject,
} from "../../src/reconcile/objects.ts";
import { at } from "../../src/reconcile/objects.ts";
import type { JsonObject } from "../../src/schema/schema.ts";

/**
 * What Kubernetes' controllers and kubelets do with the operator's objects, one step per call: pods and claims of
 * workloads, their status, and garbage collection. Pods become ready one call after they were made.
 */
export class KubeControllers {
  readonly #store: FakeStore;
  readonly #nowMs: () => number;
  #address = 1;
  /** Pods that never become ready, by name. */
  readonly broken = new Set<string>();
  /** Pods that do not stop. */
  readonly stuck = new Set<string>();

  constructor(store: FakeStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** Answers whether anything changed. */
  play(): boolean {
    const before = this.#store.revision;
    for (const pod of this.#list<PodObject>("/pods")) this.#runPod(pod);
    for (const set of this.#list<StatefulSetObject>("apps/statefulsets")) this.#runSet(set);
    for (const deployment of this.#list<DeploymentObject>("apps/deployments"))
      this.#runDeployment(deployment);
    this.#collectGarbage();
    return this.#store.revision !== before;
  }

  #runPod(pod: PodObject): void {
    const { name = "" } = pod.metadata;
    if (pod.metadata.deletionTimestamp !== undefined && !this.stuck.has(name)) {
      this.#store.delete("/pods", keyOf(pod));
      return;
    }
    if (pod.status !== undefined || this.broken.has(name)) return;
    const podIP = `127.0.0.${++this.#address}`;
    const conditions = [{ type: "Ready", status: "True", lastTransitionTime: this.#time() }];
    this.#put("/pods", { ...pod, status: { phase: "Running", podIP, conditions } });
  }

  #runSet(set: StatefulSetObject): void {
    const { name = "", namespace = "" } = set.metadata;
    const pod = this.#store.get("/pods", `${namespace}/${name}-0`);
    const wanted = set.spec.replicas ?? 1;
    if (wanted === 0 && pod !== undefined) this.#deletePod(pod);
    if (wanted === 0 && pod === undefined && at(toJsonSpec(set), "whenScaled") === "Delete") {
      for (const claim of this.#claimsOf(set)) this.#store.delete("/persistentvolumeclaims", keyOf(claim));
    }
    if (wanted === 1 && pod === undefined) {
      for (const template of set.spec.volumeClaimTemplates ?? []) this.#makeClaim(set, template);
      this.#makePod(set, `${name}-0`, set.spec.template);
    }
    const status = { observedGeneration: set.metadata.generation, replicas: wanted };
    this.#put("apps/statefulsets", { ...set, status });
  }

  #runDeployment(deployment: DeploymentObject): void {
    const { name = "", namespace, uid } = deployment.metadata;
    const wanted = deployment.spec.replicas ?? 1;
    const revision = JSON.stringify(deployment.spec.template);
    const pods = this.#list<PodObject>("/pods").filter((pod) =>
      pod.metadata.ownerReferences?.some((owner) => owner.uid === uid),
    );
    const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const current = alive.filter((pod) => pod.metadata.annotations?.["test/revision"] === revision);
    const [old] = alive.filter((pod) => !current.includes(pod));
    if (old !== undefined) this.#deletePod(old);
    for (let i = 0; current.length + i < wanted; i++) {
      const template = deployment.spec.template as { readonly metadata?: JsonObject };
      const annotations = {
        ...(template.metadata?.["annotations"] as JsonObject),
        "test/revision": revision,
      };
      const pod = `${name}-${this.#store.revision}`;
      this.#makePod(deployment, pod, { ...template, metadata: { ...template.metadata, annotations } });
    }
    for (const pod of current.slice(wanted)) this.#deletePod(pod);
    const ready = current.filter((pod) => pod.status !== undefined).length;
    const status = {
      observedGeneration: deployment.metadata.generation ?? 1,
      replicas: alive.length,
      updatedReplicas: current.length,
      readyReplicas: ready,
    };
    if (namespace !== undefined) this.#put("apps/deployments", { ...deployment, status });
  }

  #makePod(owner: KubeObject, name: string, template: JsonObject): void {
    const { namespace = "", uid = "" } = owner.metadata;
    const metadata = (template["metadata"] ?? {}) as KubeObject["metadata"];
    const ref = { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name ?? "", uid };
    this.#put("/pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...metadata,
        name,
        namespace,
        creationTimestamp: this.#time(),
        ownerReferences: [{ ...ref, controller: true }],
      },
      spec: template["spec"],
    } as KubeObject);
  }

  #makeClaim(set: StatefulSetObject, template: JsonObject): void {
    const { namespace = "", name, labels = {} } = set.metadata;
    const claim = `${String(at(template, "metadata", "name"))}-${name}-0`;
    if (this.#store.get("/persistentvolumeclaims", `${namespace}/${claim}`) !== undefined) return;
    const storage = at(template, "spec", "resources", "requests", "storage");
    const claimed: ClaimObject = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: claim, namespace, labels },
      spec: { storageClassName: "fast", resources: { requests: { storage: String(storage) } } },
      status: { capacity: { storage: String(storage) } },
    };
    this.#put("/persistentvolumeclaims", claimed);
  }

  #claimsOf({ metadata }: StatefulSetObject): readonly KubeObject[] {
    return this.#store
      .list("/persistentvolumeclaims")
      .filter((claim) => claim.metadata.name?.endsWith(`-${metadata.name}-0`));
  }

  #deletePod(pod: KubeObject): void {
    const deletionTimestamp = pod.metadata.deletionTimestamp ?? this.#time();
    this.#put("/pods", { ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
  }

  /** Objects whose owner is gone. */
  #collectGarbage(): void {
    const collections = [
      "spice.ai/spicepodclusters",
      "/configmaps",
      "/services",
      "/serviceaccounts",
      "/secrets",
      "/pods",
      "apps/deployments",
      "apps/statefulsets",
      "batch/jobs",
      "policy/poddisruptionbudgets",
      "rbac.authorization.k8s.io/roles",
      "rbac.authorization.k8s.io/rolebindings",
      "networking.k8s.io/networkpolicies",
      "cert-manager.io/certificates",
    ];
    const uids = new Set(collections.flatMap((each) => this.#list(each)).map(({ metadata }) => metadata.uid));
    for (const collection of collections)
      for (const object of this.#list(collection)) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.length > 0 && owners.every(({ uid }) => !uids.has(uid)))
          this.#store.delete(collection, keyOf(object));
      }
  }

  #list<T extends KubeObject>(collection: string): T[] {
    return this.#store.list(collection) as T[];
  }

  #put(collection: string, object: KubeObject & { readonly status?: unknown }): void {
    this.#store.put(collection, object);
  }

  #time(): string {
    return new Date(this.#nowMs()).toISOString();
  }
}

function toJsonSpec(set: StatefulSetObject): JsonObject {
  return { ...set.spec.persistentVolumeClaimRetentionPolicy };
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
