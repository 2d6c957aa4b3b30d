import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@spice-shards/kube";

/** A scheduler that can be asked. */
export interface SchedulerPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface Partition {
  readonly value: unknown;
  readonly owner: string | null;
  readonly epoch: number;
}

/**
 * Asks every scheduler again and again who owns what. Two schedulers may be of different revisions, but no partition has two
 * owners under one epoch, and no scheduler goes back to an older revision.
 */
export class OwnershipWatch {
  readonly broken: string[] = [];
  readonly #client: Client;
  readonly #schedulers: () => readonly SchedulerPod[];
  readonly #owners = new Map<string, string>();
  readonly #revisions = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #answers = 0;

  constructor(client: Client, schedulers: () => readonly SchedulerPod[]) {
    this.#client = client;
    this.#schedulers = schedulers;
    this.#running = this.#run();
  }

  /** How often a scheduler told the owners of a dataset. */
  get answers(): number {
    return this.#answers;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("the story has ended"));
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // One that is about to go, or has just come, answers nothing.
      await Promise.allSettled(this.#schedulers().map((scheduler) => this.#ask(scheduler)));
      await delay(1000, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #ask({ namespace, name, uid }: SchedulerPod): Promise<void> {
    const get = <T>(path: string) =>
      this.#client.getPath<T>(
        `/api/v1/namespaces/${namespace}/pods/${name}:8090/proxy${path}`,
        this.#stop.signal,
      );
    const { revision } = await get<{ revision: number }>("/v1/cluster");
    const before = this.#revisions.get(uid) ?? 0;
    if (revision < before) this.broken.push(`${name} went from revision ${before} back to ${revision}`);
    this.#revisions.set(uid, Math.max(before, revision));
    for (const dataset of await get<{ name: string; acceleration_enabled: boolean }[]>("/v1/datasets")) {
      if (dataset.acceleration_enabled)
        this.#note(dataset.name, await get(`/v1/datasets/${dataset.name}/partitions`));
    }
  }

  #note(dataset: string, partitions: readonly Partition[]): void {
    this.#answers += 1;
    const seen = new Set<string>();
    for (const { value, owner, epoch } of partitions) {
      const partition = `${dataset} ${JSON.stringify(value)}`;
      if (seen.has(partition)) this.broken.push(`${partition} is listed twice`);
      seen.add(partition);
      if (owner === null) continue;
      const stint = `${partition} under epoch ${epoch}`;
      const other = this.#owners.get(stint);
      if (other !== undefined && other !== owner)
        this.broken.push(`${stint} has two owners: ${other}, ${owner}`);
      this.#owners.set(stint, owner);
    }
  }
}
