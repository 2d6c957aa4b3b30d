import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { certificateFacts, readBundle } from "@spice-shards/certificates";
import {
  type Change,
  type Client,
  type KubeObject,
  objectKey,
  Reflector,
  sourceOf,
  systemClock,
  systemRandom,
} from "@spice-shards/kube";
import { AdminServiceService, type GetClusterResponse, type NodeInfo } from "@spice-shards/proto";
import type { Pod } from "../../../../kube/test/support/kubelet-double.ts";
import { label } from "../../../src/api/names.ts";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import { isReady } from "./operator-bed.ts";
import { type LiveExecutor, PartitionModel } from "./partition-model.ts";

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** One scheduler pod's AdminService. */
interface Listener {
  readonly server: Server;
  /** The Secret's version that it serves with. */
  readonly version: string;
}

const port = 50052;

/**
 * Plays the schedulers of every cluster: an AdminService with mTLS at each ready scheduler pod's address. They know the
 * pods that are there and the Secrets that these mount, both at once, as if kubelet and nodes took no time.
 */
export class SchedulerDoubles {
  /** Executors that were removed while they owned partitions, which no operator may do. */
  readonly violations: string[] = [];
  /** `Drain ID` and `Undrain ID`, in order. */
  readonly calls: string[] = [];
  /** Called before a drain or its end is carried out; what it throws is the answer. */
  onCall: ((call: string) => void) | undefined;
  /** Wanted executors minus ready ones, the most that was ever seen at once, by namespace; see {@link count}. */
  readonly #counted = new Map<string, { readonly wanted: number; most: number }>();
  readonly #models = new Map<string, PartitionModel>();
  readonly #listeners = new Map<string, Listener>();
  readonly #pods: Reflector<Pod>;
  readonly #secrets: Reflector<SecretObject>;
  readonly #stop = new AbortController();
  /** Listeners are changed one after the other. */
  #work: Promise<void> = Promise.resolve();
  #running: Promise<unknown> | undefined;

  constructor(client: Client) {
    const common = { clock: systemClock, random: systemRandom, query: { labelSelector: label.cluster } };
    this.#pods = new Reflector<Pod>({
      ...common,
      source: sourceOf<Pod>(client, types.pod),
      indexes: { cluster: (pod) => [clusterOf(pod)] },
      onChange: (change) => this.#onPod(change),
    });
    this.#secrets = new Reflector<SecretObject>({
      ...common,
      source: sourceOf<SecretObject>(client, types.secret),
      onChange: ({ object }) => {
        if (!object.metadata.name?.endsWith("-scheduler-tls")) return;
        for (const pod of this.#pods.cache.byIndex("cluster", clusterOf(object))) this.#listen(pod);
      },
    });
  }

  async start(): Promise<void> {
    const { signal } = this.#stop;
    this.#running = Promise.all([this.#pods.run(signal), this.#secrets.run(signal)]);
    await Promise.all([this.#pods.synced(signal), this.#secrets.synced(signal)]);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the test has ended"));
    await this.#running;
    await this.#work;
    for (const { server } of this.#listeners.values()) server.forceShutdown();
    this.#listeners.clear();
  }

  /** Counts from now on how many of `wanted` executors of a namespace are not ready at once. */
  count(namespace: string, wanted: number): void {
    this.#counted.set(namespace, { wanted, most: 0 });
  }

  mostUnready(namespace: string): number {
    return this.#counted.get(namespace)?.most ?? 0;
  }

  pods(namespace: string, role: string): Pod[] {
    return this.#pods.cache.list(namespace).filter((pod) => pod.metadata.labels?.[label.role] === role);
  }

  #onPod(change: Change<Pod>): void {
    const { object: pod } = change;
    const role = pod.metadata.labels?.[label.role];
    if (role === "scheduler") this.#listen(pod);
    else this.#watchExecutor(change);
  }

  #watchExecutor(change: Change<Pod>): void {
    const { object: pod } = change;
    const { namespace = "", deletionTimestamp } = pod.metadata;
    const counted = this.#counted.get(namespace);
    if (counted !== undefined) {
      const ready = this.pods(namespace, "executor").filter(isReady).length;
      counted.most = Math.max(counted.most, counted.wanted - ready);
    }
    const before = change.type === "updated" ? change.previous : change.type === "deleted" ? pod : undefined;
    const ends = change.type === "deleted" || deletionTimestamp !== undefined;
    if (!ends || before === undefined || !isReady(before)) return;
    const owned = this.#models.get(clusterOf(pod))?.ownedBy(indexOf(pod)) ?? 0;
    if (owned > 0) this.violations.push(`${objectKey(pod)} was removed with ${owned} partitions`);
  }

  /** Makes what listens at a pod's address follow the pod and its Secret. */
  #listen(pod: Pod): void {
    this.#work = this.#work
      .then(() => this.#follow(pod))
      .catch((error: unknown) => {
        this.violations.push(`${objectKey(pod)} cannot be served: ${(error as Error).message}`);
      });
  }

  async #follow(pod: Pod): Promise<void> {
    const key = objectKey(pod);
    const live = this.#pods.cache.get(key);
    const address = live?.status?.podIP;
    const secret = this.#secrets.cache.get(`${clusterOf(pod)}-scheduler-tls`);
    const present = this.#listeners.get(key);
    const gone = live === undefined || address === undefined || !isReady(live) || this.#stop.signal.aborted;
    const version = secret?.metadata.resourceVersion ?? "";
    if (!gone && present?.version === version) return;
    present?.server.forceShutdown();
    this.#listeners.delete(key);
    if (gone || secret === undefined) return;
    const server = new Server();
    server.addService(AdminServiceService, {
      getCluster: serve(() => this.#report(clusterOf(live))),
      drain: serve(({ executor }: { executor: string }) => this.#drain(clusterOf(live), executor)),
      undrain: serve(({ executor }: { executor: string }) => this.#undrain(clusterOf(live), executor)),
    });
    const pem = (name: string) => Buffer.from(secret.data?.[name] ?? "", "base64");
    const pair = { cert_chain: pem("tls.crt"), private_key: pem("tls.key") };
    const credentials = ServerCredentials.createSsl(pem("ca.crt"), [pair], true);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`${address}:${port}`, credentials, (error) => (error ? reject(error) : resolve()));
    });
    this.#listeners.set(key, { server, version });
  }

  #live(cluster: string): Map<number, LiveExecutor> {
    const pods = this.#pods.cache
      .byIndex("cluster", cluster)
      .filter((pod) => pod.metadata.labels?.[label.role] === "executor");
    return new Map(
      pods.map((pod) => [
        indexOf(pod),
        { id: idOf(pod), instanceId: pod.metadata.uid ?? "", ready: isReady(pod) },
      ]),
    );
  }

  #model(cluster: string): PartitionModel {
    const model = this.#models.get(cluster) ?? new PartitionModel();
    this.#models.set(cluster, model);
    return model;
  }

  #report(cluster: string): GetClusterResponse {
    const [model, live] = [this.#model(cluster), this.#live(cluster)];
    model.settle(live);
    const executors = model.executors(live);
    const loaded = executors.reduce((sum, executor) => sum + executor.loaded, 0);
    return {
      ...{ revision: 1, appGeneration: 1, executors },
      nodes: this.#pods.cache.byIndex("cluster", cluster).flatMap((pod) => this.#node(cluster, pod)),
      tables: [
        {
          table: "spice.public.events",
          ...{ partitionsTotal: model.total, partitionsAssigned: model.assigned, partitionsLoaded: loaded },
          freshAtMs: Date.parse("2030-01-01T00:00:00Z"),
        },
      ],
      problems: [],
    };
  }

  #node(cluster: string, pod: Pod): NodeInfo[] {
    const executor = pod.metadata.labels?.[label.executor];
    const name = executor === undefined ? "scheduler-tls" : `executor-${executor}-tls`;
    const { data } = this.#secrets.cache.get(`${cluster}-${name}`) ?? {};
    if (data === undefined || !isReady(pod)) return [];
    const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
    const leaf = certificateFacts(text("tls.crt"));
    return [
      {
        id: executor === undefined ? `${pod.status?.podIP}:${port}` : idOf(pod),
        leafSha256: leaf.sha256,
        leafNotAfter: leaf.notAfterMs,
        trustSha256: readBundle(text("ca.crt")).map((pem) => certificateFacts(pem).sha256),
      },
    ];
  }

  #drain(cluster: string, id: string) {
    const found = this.#find(cluster, id, "Drain");
    if (found === undefined) return undefined;
    const [index, { instanceId }] = found;
    const model = this.#model(cluster);
    const already = model.drain(index, instanceId);
    model.settle(this.#live(cluster));
    const remaining = model.ownedBy(index);
    return { state: remaining === 0 ? "DRAINED" : "DRAINING", remaining, reason: "", already };
  }

  #undrain(cluster: string, id: string) {
    const found = this.#find(cluster, id, "Undrain");
    if (found === undefined) return undefined;
    const wasDraining = this.#model(cluster).undrain(found[0]);
    this.#model(cluster).settle(this.#live(cluster));
    return { wasDraining };
  }

  #find(cluster: string, id: string, verb: string): [number, LiveExecutor] | undefined {
    const call = `${verb} ${id}`;
    this.calls.push(call);
    this.onCall?.(call);
    return [...this.#live(cluster)].find(([, executor]) => executor.id === id);
  }
}

function serve<Q, R>(answer: (request: Q) => R | undefined) {
  return (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>): void => {
    try {
      const response = answer(call.request);
      if (response === undefined) callback({ code: status.NOT_FOUND, message: "no such executor" });
      else callback(null, response);
    } catch (error) {
      callback({ code: status.UNAVAILABLE, message: (error as Error).message });
    }
  };
}

/** `namespace/name` of the cluster of a child. */
function clusterOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.labels?.[label.cluster]}`;
}

function indexOf(pod: Pod): number {
  return Number(pod.metadata.labels?.[label.executor]);
}

/** The address that an executor advertises. */
function idOf({ metadata }: Pod): string {
  const { name, namespace, labels } = metadata;
  return `${name}.${labels?.[label.cluster]}-executor.${namespace}.svc.cluster.local:${port}`;
}
