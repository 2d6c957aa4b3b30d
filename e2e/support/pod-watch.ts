import {
  type Client,
  type KubeObject,
  Reflector,
  type ResourceType,
  sourceOf,
  systemClock,
  systemRandom,
} from "@spice-shards/kube";
import type { SchedulerPod } from "./ownership-watch.ts";

interface Pod extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly lastState?: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
    }[];
  };
}

const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };

/** Follows the pods of a namespace: which restarted, and how few of a role were ready. */
export class PodWatch {
  readonly #reflector: Reflector<Pod>;
  readonly #pods = new Map<string, Pod>();
  readonly #caused = new Map<string, number>();
  readonly #restarts: string[] = [];
  readonly #fewest = new Map<string, number>();
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(client: Client, namespace: string) {
    this.#reflector = new Reflector<Pod>({
      source: sourceOf<Pod>(client, pods),
      query: { namespace },
      clock: systemClock,
      random: systemRandom,
      onChange: (change) => {
        const { name = "" } = change.object.metadata;
        if (change.type === "deleted") this.#pods.delete(name);
        else this.#pods.set(name, change.object);
        if (change.type !== "deleted") this.#noteRestarts(name, change.object);
        for (const role of this.#fewest.keys()) this.#noteReady(role);
      },
    });
  }

  async start(): Promise<void> {
    this.#running = this.#reflector.run(this.#stop.signal);
    await this.#reflector.synced(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the story has ended"));
    await this.#running;
  }

  /** The story restarts the container of a pod, once. */
  expectRestart(pod: string): void {
    this.#caused.set(pod, (this.#caused.get(pod) ?? 0) + 1);
  }

  /** Restarts that the story did not cause. */
  get unexplained(): readonly string[] {
    const caused = new Map(this.#caused);
    return this.#restarts.filter((text) => {
      const pod = text.slice(0, text.indexOf(" "));
      const left = caused.get(pod) ?? 0;
      caused.set(pod, left - 1);
      return left <= 0;
    });
  }

  /** Forget how few there were until now. */
  countFewest(...roles: readonly string[]): void {
    this.#fewest.clear();
    for (const role of roles) this.#fewest.set(role, Number.POSITIVE_INFINITY);
    for (const role of roles) this.#noteReady(role);
  }

  /** How few pods of a role were ready at a time since {@link countFewest}. */
  fewest(role: string): number {
    return this.#fewest.get(role) ?? Number.NaN;
  }

  ready(role: string): readonly SchedulerPod[] {
    return [...this.#pods.values()]
      .filter((pod) => roleOf(pod) === role && isReady(pod))
      .map(({ metadata }) => ({
        namespace: metadata.namespace ?? "",
        name: metadata.name ?? "",
        uid: metadata.uid ?? "",
      }));
  }

  #noteReady(role: string): void {
    this.#fewest.set(role, Math.min(this.#fewest.get(role) ?? 0, this.ready(role).length));
  }

  #noteRestarts(name: string, pod: Pod): void {
    const [status] = pod.status?.containerStatuses ?? [];
    const noted = this.#restarts.filter((text) => text.endsWith(`(${pod.metadata.uid})`)).length;
    const { terminated } = status?.lastState ?? {};
    for (let count = noted; count < (status?.restartCount ?? 0); count += 1)
      this.#restarts.push(
        `${name} ended with ${terminated?.exitCode} ${terminated?.reason} (${pod.metadata.uid})`,
      );
  }
}

function roleOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.["spice.ai/cluster-role"];
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");
  return ready === true && metadata.deletionTimestamp === undefined;
}
