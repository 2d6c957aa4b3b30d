import { certificateFacts, isIssuedBy, readBundle } from "@spice-shards/certificates";
import type { FakeStore } from "@spice-shards/kube/testing";
import {
  type AdminDialer,
  type AdminTarget,
  type ClusterAdmin,
  type ClusterReport,
  SchedulerUnreachableError,
} from "../../src/admin/port.ts";
import { label } from "../../src/api/names.ts";
import { isReady, type PodObject, type SecretObject } from "../../src/reconcile/objects.ts";

/** What a node has loaded of its Secret. */
interface Loaded {
  readonly certificate: string;
  readonly bundle: string;
}

/** Schedulers that know of the pods in the store what real ones would, and let in whom they trust. */
export class FakeAdmin implements AdminDialer {
  readonly #store: Pick<FakeStore, "list" | "get">;
  readonly loaded = new Map<string, Loaded>();
  readonly draining = new Map<string, "DRAINING" | "DRAINED" | "BLOCKED">();
  /** The instance that a drain was asked of: it ends with that. */
  readonly #drained = new Map<string, string | undefined>();
  /** Partitions of the one table; an executor that is ready has all of its share loaded. */
  partitions = 6;
  appGeneration: number | undefined;
  reachable = true;
  readonly dialled: AdminTarget[] = [];
  closed = 0;

  constructor(store: Pick<FakeStore, "list" | "get">) {
    this.#store = store;
  }

  /** The kubelet has put the Secrets' present content into the pods, and nodes have loaded it. */
  load(which: (pod: string) => boolean = () => true): void {
    for (const pod of this.#pods()) {
      const { name = "", namespace, labels = {} } = pod.metadata;
      const cluster = labels[label.cluster];
      const index = labels[label.executor];
      const secret = index === undefined ? `${cluster}-scheduler-tls` : `${cluster}-executor-${index}-tls`;
      const found = this.#store.get("/secrets", `${namespace}/${secret}`) as SecretObject | undefined;
      if (found?.data === undefined || !which(name)) continue;
      const text = (key: string) => Buffer.from(found.data?.[key] ?? "", "base64").toString();
      this.loaded.set(name, { certificate: text("tls.crt"), bundle: text("ca.crt") });
    }
    for (const name of this.loaded.keys())
      if (!this.#pods().some(({ metadata }) => metadata.name === name)) this.loaded.delete(name);
  }

  /** Every node accepts every other, with what they have loaded. */
  untrusted(): readonly string[] {
    const all = [...this.loaded];
    return all.flatMap(([one, { bundle }]) =>
      all
        .filter(([, { certificate }]) => !readBundle(bundle).some((root) => isIssuedBy(certificate, root)))
        .map(([other]) => `${one} does not accept ${other}`),
    );
  }

  dial(target: AdminTarget): ClusterAdmin {
    this.dialled.push(target);
    return {
      getCluster: async () => {
        this.#letIn(target);
        return this.#report(target);
      },
      drain: async (ids) => {
        this.#letIn(target);
        for (const id of ids) {
          if (!this.draining.has(id)) this.draining.set(id, "DRAINED");
          this.#drained.set(id, this.#pods().find((pod) => idOf(pod) === id)?.metadata.uid);
        }
      },
      undrain: async (ids) => {
        this.#letIn(target);
        for (const id of ids) this.draining.delete(id);
      },
      close: () => {
        this.closed += 1;
      },
    };
  }

  #letIn({ tls, addresses, cluster }: AdminTarget): void {
    if (!this.reachable) throw new SchedulerUnreachableError("no scheduler answers");
    const [scheduler] = this.#pods().filter(
      (pod) => isReady(pod) && addresses.some((address) => address.startsWith(`${pod.status?.podIP}:`)),
    );
    const theirs = this.loaded.get(scheduler?.metadata.name ?? "");
    if (scheduler === undefined) throw new SchedulerUnreachableError(`no scheduler of ${cluster} listens`);
    if (tls === undefined) return;
    const known = (bundle: string, certificate: string) =>
      readBundle(bundle).some((root) => isIssuedBy(certificate, root));
    if (theirs === undefined || !known(theirs.bundle, tls.cert) || !known(tls.ca, theirs.certificate))
      throw new SchedulerUnreachableError("the certificates do not fit");
  }

  #report({ cluster, namespace }: AdminTarget): ClusterReport {
    const pods = this.#pods().filter(
      (pod) => pod.metadata.labels?.[label.cluster] === cluster && pod.metadata.namespace === namespace,
    );
    const executors = pods.filter((pod) => pod.metadata.labels?.[label.role] === "executor" && isReady(pod));
    const map = this.#store.get("/configmaps", `${namespace}/${cluster}-spicepod`);
    const generation = Number(map?.metadata.annotations?.["spice.ai/spicepod-generation"] ?? 0);
    for (const pod of executors) {
      const [id, uid] = [idOf(pod), pod.metadata.uid];
      if (this.#drained.has(id) && this.#drained.get(id) !== uid) {
        this.#drained.delete(id);
        this.draining.delete(id);
      }
    }
    const active = executors.filter((pod) => !this.draining.has(idOf(pod)));
    const { partitions: total } = this;
    const loaded = active.length > 0 ? total : 0;
    return {
      revision: 1,
      appGeneration: this.appGeneration ?? generation,
      executors: executors.map((pod) => {
        const id = idOf(pod);
        const drain = this.draining.get(id);
        const owned = drain === undefined ? Math.ceil(total / active.length) : drain === "DRAINED" ? 0 : 1;
        return {
          id,
          index: Number(pod.metadata.labels?.[label.executor]),
          instanceId: pod.metadata.uid ?? "",
          state: drain === undefined ? ("active" as const) : ("draining" as const),
          owned,
          loaded: owned,
          moving: 0,
          ...(drain === undefined ? {} : { drain: { state: drain, remaining: owned, reason: "no room" } }),
        };
      }),
      partitions: { total, assigned: loaded, loaded },
      tables: [{ name: "spice.public.t", total, assigned: loaded, loaded, freshMs: 1_700_000_000_000 }],
      nodes: pods.filter(isReady).flatMap((pod) => {
        const found = this.loaded.get(pod.metadata.name ?? "");
        const index = pod.metadata.labels?.[label.executor];
        if (found === undefined) return [];
        return [
          {
            id: index === undefined ? `${pod.status?.podIP}:50052` : idOf(pod),
            index: index === undefined ? undefined : Number(index),
            leafSha256: certificateFacts(found.certificate).sha256,
            trustSha256: readBundle(found.bundle).map((pem) => certificateFacts(pem).sha256),
          },
        ];
      }),
    };
  }

  #pods(): readonly PodObject[] {
    return this.#store.list("/pods") as PodObject[];
  }
}

function idOf({ metadata }: PodObject): string {
  return `${metadata.name}.${metadata.labels?.[label.cluster]}-executor:50052`;
}
