import { type Client, objectKey, Reflector, sourceOf, systemClock, systemRandom } from "@spice-shards/kube";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import type { ClusterObject } from "./cluster-objects.ts";
import { conditionOf } from "./operator-bed.ts";

/** A change of the condition Ready as the API server told it. */
export interface ReadyChange {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Follows the condition Ready of every cluster, so that a test can tell each change from the reason it had. */
export class ReadyWatch {
  readonly #changes = new Map<string, ReadyChange[]>();
  readonly #reflector: Reflector<ClusterObject>;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(client: Client) {
    this.#reflector = new Reflector<ClusterObject>({
      source: sourceOf<ClusterObject>(client, types.cluster),
      clock: systemClock,
      random: systemRandom,
      onChange: ({ object }) => this.#note(object),
    });
  }

  async start(): Promise<void> {
    this.#running = this.#reflector.run(this.#stop.signal);
    await this.#reflector.synced(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the test has ended"));
    await this.#running;
  }

  /** All statuses in order, the first included; `namespace/name`. */
  of(key: string): readonly ReadyChange[] {
    return this.#changes.get(key) ?? [];
  }

  #note(cluster: ClusterObject): void {
    const now = conditionOf(cluster.status, "Ready");
    if (now === undefined) return;
    const before = this.#changes.get(objectKey(cluster)) ?? [];
    this.#changes.set(objectKey(cluster), before);
    if (before.at(-1)?.status === now.status) return;
    before.push({ status: now.status, reason: now.reason, message: now.message });
  }
}
