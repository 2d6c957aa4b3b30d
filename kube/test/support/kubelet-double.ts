import {
  type Client,
  ConnectionError,
  differences,
  isConflict,
  isNotFound,
  type KubeObject,
  type Outcome,
  objectKey,
  Reflector,
  StatusError,
  sourceOf,
  systemClock,
  systemRandom,
  WorkQueue,
} from "../../src/index.ts";
import { drawNetwork } from "./draw.ts";
import { nodes, pods } from "./types.ts";

/** A pod as far as the double reads it. */
export interface Pod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

/** How a pod fares, by a test's wish. */
export type PodFate =
  | { readonly kind: "ready" }
  /** Runs, but its readiness probe fails. */
  | { readonly kind: "unready" }
  /** Its container has ended well. */
  | { readonly kind: "succeeded" }
  /** Is not placed on a node. */
  | { readonly kind: "pending" }
  /** Its container does not run: `CrashLoopBackOff`, `ImagePullBackOff`, … */
  | {
      readonly kind: "waiting";
      readonly reason: string;
      readonly restarts?: number;
      /** Last words of the container that ended before. */
      readonly lastError?: string;
    };

export interface KubeletOptions {
  /** How each pod fares; asked again on {@link KubeletDouble.look}. Default: {@link usualFate}. */
  readonly fate?: (pod: Pod) => PodFate;
  /** How long a pod takes to end. Default 0. */
  readonly terminationMs?: number;
  /** The address of a pod, where a test has something that listens; of loopback, drawn when absent. */
  readonly addressOf?: (pod: Pod) => string | undefined;
}

const nodeName = "test-node";

/** Pods of Jobs end well, all others are ready. */
export function usualFate({ metadata: { ownerReferences = [] } }: Pod): PodFate {
  return { kind: ownerReferences.some(({ kind }) => kind === "Job") ? "succeeded" : "ready" };
}

/**
 * Plays scheduler and kubelet: binds pods to one node, gives them an address of loopback, reports them as a test
 * wants, and lets deleted ones go. What Kubernetes' own controllers make of that is real.
 */
export class KubeletDouble {
  /** Answers that no correct double would get: empty at the end of a good test. */
  readonly failures: unknown[] = [];
  readonly #client: Client;
  readonly #options: KubeletOptions;
  readonly #reflector: Reflector<Pod>;
  readonly #queue: WorkQueue;
  readonly #stop = new AbortController();
  readonly #network = drawNetwork();
  readonly #addresses = new Map<string, string>();
  /** When a pod's end was first seen, by key. */
  readonly #ending = new Map<string, number>();
  #fate: (pod: Pod) => PodFate;
  #running: Promise<unknown> | undefined;

  constructor(client: Client, options: KubeletOptions = {}) {
    this.#client = client;
    this.#options = options;
    this.#fate = options.fate ?? usualFate;
    this.#queue = new WorkQueue({
      clock: systemClock,
      random: systemRandom,
      onError: (_key, error) => this.#note(error),
    });
    this.#reflector = new Reflector<Pod>({
      source: sourceOf(client, pods),
      clock: systemClock,
      random: systemRandom,
      onChange: ({ type, object }) => {
        if (type === "deleted") this.#ending.delete(objectKey(object));
        else this.#queue.add(objectKey(object));
      },
    });
  }

  /** Makes the node and follows all pods until {@link stop}. */
  async start(): Promise<void> {
    const { signal } = this.#stop;
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName } };
    await this.#client.apply(nodes, node, { fieldManager: "kubelet", force: true });
    this.#running = Promise.all([
      this.#reflector.run(signal),
      this.#queue.run((key) => this.#handle(key), { concurrency: 8, signal }),
    ]);
    await this.#reflector.synced(signal);
  }

  /** The pods that are there, as last seen. */
  list(namespace?: string): Pod[] {
    return this.#reflector.cache.list(namespace);
  }

  /** Changes how pods fare from now on, those that run already as well. */
  set fate(fate: (pod: Pod) => PodFate) {
    this.#fate = fate;
    this.look();
  }

  /** Asks again how every pod fares. */
  look(): void {
    for (const key of this.#reflector.cache.keys()) this.#queue.add(key);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the test has ended"));
    await this.#running;
  }

  async #handle(key: string): Promise<Outcome> {
    const { signal } = this.#stop;
    const pod = this.#reflector.cache.get(key);
    if (pod === undefined) return { kind: "done" };
    const target = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" };
    if (pod.metadata.deletionTimestamp !== undefined) {
      const left = this.#leftMs(key);
      if (left > 0) return { kind: "after", ms: left };
      await this.#client.delete(pods, target, { gracePeriodSeconds: 0, signal });
      return { kind: "done" };
    }
    const fate = this.#fate(pod);
    if (fate.kind === "pending") return { kind: "done" };
    if (pod.spec.nodeName === undefined) {
      const node = { apiVersion: "v1", kind: "Node", name: nodeName };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: target, target: node };
      await this.#client.create<KubeObject>({ ...pods, plural: `pods/${target.name}/binding` }, binding, {
        signal,
      });
    }
    const status = statusOf(pod, fate, this.#addressOf(pod));
    if (differences(status, pod.status ?? {}, new Map()).length === 0) return { kind: "done" };
    const patch = { type: "merge" as const, body: { status } };
    await this.#client.patch(pods, { ...target, subresource: "status" }, patch, { signal });
    return { kind: "done" };
  }

  /** How long a pod that is to end goes on. */
  #leftMs(key: string): number {
    const now = systemClock.monotonicMs();
    const since = this.#ending.get(key) ?? now;
    this.#ending.set(key, since);
    return since + (this.#options.terminationMs ?? 0) - now;
  }

  /** Another write that came first, a pod that has gone, a server that is away: the queue tries again. */
  #note(error: unknown): void {
    const expected =
      this.#stop.signal.aborted ||
      isConflict(error) ||
      isNotFound(error) ||
      error instanceof ConnectionError ||
      (error instanceof StatusError && error.code >= 429);
    if (!expected) this.failures.push(error);
  }

  #addressOf(pod: Pod): string {
    const given = this.#options.addressOf?.(pod);
    if (given !== undefined) return given;
    const uid = pod.metadata.uid ?? "";
    let address = this.#addresses.get(uid);
    if (address === undefined) {
      const number = this.#addresses.size + 1;
      address = `${this.#network}.${number >> 8}.${number & 255}`;
      this.#addresses.set(uid, address);
    }
    return address;
  }
}

/** What a kubelet reports of a pod that fares so. */
function statusOf(pod: Pod, fate: Exclude<PodFate, { kind: "pending" }>, podIP: string): object {
  const ready = fate.kind === "ready";
  const waiting = fate.kind === "waiting";
  const succeeded = fate.kind === "succeeded";
  const condition = (type: string, status: boolean) => ({ type, status: status ? "True" : "False" });
  return {
    phase: succeeded ? "Succeeded" : waiting && fate.restarts === undefined ? "Pending" : "Running",
    podIP,
    podIPs: [{ ip: podIP }],
    hostIP: "127.0.0.1",
    startTime: pod.metadata.creationTimestamp,
    conditions: [
      condition("PodScheduled", true),
      condition("Initialized", true),
      condition("ContainersReady", ready),
      condition("Ready", ready),
    ],
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: "",
      ready,
      started: !waiting,
      restartCount: waiting ? (fate.restarts ?? 0) : 0,
      state: waiting
        ? { waiting: { reason: fate.reason, message: fate.reason } }
        : succeeded
          ? { terminated: { exitCode: 0, reason: "Completed" } }
          : { running: { startedAt: pod.metadata.creationTimestamp } },
      lastState: waiting && fate.lastError !== undefined ? terminated(fate.lastError) : {},
    })),
  };
}

function terminated(message: string): object {
  return { terminated: { exitCode: 1, reason: "Error", message } };
}
