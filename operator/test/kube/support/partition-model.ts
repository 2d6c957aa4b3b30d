import type { ExecutorInfo } from "@spice-shards/proto";

/** An executor whose pod is there, by the number in its name. */
export interface LiveExecutor {
  readonly id: string;
  readonly instanceId: string;
  readonly ready: boolean;
}

/**
 * Who owns which partition of one cluster's only table. Executors keep what they own until they are drained or gone,
 * and loading takes no time. A drain lasts until it is undone or the executor comes back as another instance.
 */
export class PartitionModel {
  readonly total = 12;
  readonly #owners: (number | undefined)[] = Array.from({ length: this.total });
  /** The instance that each drain was asked of. */
  readonly #drained = new Map<number, string>();

  /** Moves partitions to where they belong now. */
  settle(live: ReadonlyMap<number, LiveExecutor>): void {
    for (const [index, instance] of this.#drained) {
      const present = live.get(index);
      if (present !== undefined && present.instanceId !== instance) this.#drained.delete(index);
    }
    const active = [...live].filter(([index, { ready }]) => ready && !this.#drained.has(index));
    if (active.length === 0) return;
    const share = (index: number) => this.ownedBy(index);
    const least = () => active.map(([index]) => index).sort((a, b) => share(a) - share(b) || a - b)[0];
    for (const [partition, owner] of this.#owners.entries())
      if (!active.some(([index]) => index === owner)) this.#owners[partition] = least();
    const most = () => active.map(([index]) => index).sort((a, b) => share(b) - share(a) || a - b)[0] ?? 0;
    while (share(most()) - share(least() ?? 0) > 1) {
      const partition = this.#owners.indexOf(most());
      this.#owners[partition] = least();
    }
  }

  ownedBy(index: number): number {
    return this.#owners.filter((owner) => owner === index).length;
  }

  drain(index: number, instance: string): boolean {
    const already = this.#drained.has(index);
    this.#drained.set(index, instance);
    return already;
  }

  undrain(index: number): boolean {
    return this.#drained.delete(index);
  }

  /** As `GetCluster` tells it: executors that are there or own something. */
  executors(live: ReadonlyMap<number, LiveExecutor>): ExecutorInfo[] {
    return [...live]
      .filter(([index, { ready }]) => ready || this.ownedBy(index) > 0)
      .map(([index, { id, instanceId, ready }]) => {
        const owned = this.ownedBy(index);
        const draining = this.#drained.has(index);
        const drain = { state: owned === 0 ? "DRAINED" : "DRAINING", remaining: owned, reason: "" };
        return {
          ...{ id, instanceId, owned, loaded: ready ? owned : 0, moving: 0 },
          state: !ready ? "silent" : draining ? "draining" : "active",
          drain: draining ? drain : undefined,
        };
      });
  }

  get assigned(): number {
    return this.#owners.filter((owner) => owner !== undefined).length;
  }
}
