import type { ClusterExecutor, ClusterView } from "../types.ts";

interface Member {
  instance: string;
  draining: boolean;
  /** Has a ready pod that has joined. */
  up: boolean;
  /** Ticks that it has been down. */
  downFor: number;
  /** Owned partitions, each with the ticks until it is loaded. */
  readonly owned: Map<number, number>;
}

const loadTicks = 2;
const lostAfterTicks = 25;

/** Schedulers' side of a simulated cluster: membership, ownership, drains. */
export class SpiceModel {
  readonly members = new Map<number, Member>();
  readonly partitions: number;
  /** What people do to it. */
  unreachable = false;
  drainsBlocked = false;

  constructor(partitions: number) {
    this.partitions = partitions;
  }

  ownedBy(index: number): number {
    return this.members.get(index)?.owned.size ?? 0;
  }

  drain(index: number): void {
    const member = this.members.get(index);
    if (member !== undefined) member.draining = true;
  }

  undrain(index: number): void {
    const member = this.members.get(index);
    if (member !== undefined) member.draining = false;
  }

  /** One tick, given the instances (pod UIDs) that are ready, by index. */
  tick(ready: ReadonlyMap<number, string>): void {
    for (const [index, instance] of ready) this.#join(index, instance);
    for (const [index, member] of this.members) {
      member.up = ready.get(index) === member.instance;
      member.downFor = member.up ? 0 : member.downFor + 1;
      if (!member.up) continue;
      for (const [partition, left] of member.owned) member.owned.set(partition, Math.max(0, left - 1));
    }
    if (this.#takers().length === 0) return;
    this.#assignUnowned();
    this.#moveOff();
    this.#rebalance();
  }

  view(): ClusterView {
    if (this.unreachable) return { kind: "unreachable", reason: "connection refused" };
    const executors = [...this.members].map(([index, member]) => this.#viewOf(index, member));
    const assigned = executors.reduce((n, e) => n + e.owned, 0);
    const loaded = executors.reduce((n, e) => n + e.loaded, 0);
    const counts = { total: this.partitions, assigned, loaded };
    return {
      kind: "known",
      revision: 1,
      appGeneration: 1,
      executors,
      partitions: counts,
      tables: [{ name: "t", ...counts, freshMs: undefined }],
    };
  }

  #viewOf(index: number, member: Member): ClusterExecutor {
    const owned = member.owned.size;
    const loaded = member.up ? [...member.owned.values()].filter((left) => left === 0).length : 0;
    const base = { id: `executor-${index}`, index, instanceId: member.instance, owned, loaded, moving: 0 };
    if (!member.draining) return { ...base, state: member.up ? "active" : "silent" };
    const others = this.#takers().length > 0 && !this.drainsBlocked;
    const drain =
      owned === 0
        ? ({ state: "DRAINED", remaining: 0 } as const)
        : others
          ? ({ state: "DRAINING", remaining: owned } as const)
          : ({ state: "BLOCKED", remaining: owned, reason: "no other executor can take them" } as const);
    return { ...base, state: "draining", drain };
  }

  #join(index: number, instance: string): void {
    const member = this.members.get(index);
    if (member?.instance === instance) return;
    const owned = new Map([...(member?.owned.keys() ?? [])].map((partition) => [partition, loadTicks]));
    // A new instance ends a drain.
    this.members.set(index, { instance, draining: false, up: true, downFor: 0, owned });
  }

  #takers(): readonly Member[] {
    return [...this.members.values()]
      .filter((m) => m.up && !m.draining)
      .sort((a, b) => a.owned.size - b.owned.size);
  }

  #give(partition: number): void {
    this.#takers()[0]?.owned.set(partition, loadTicks);
  }

  #assignUnowned(): void {
    const owned = new Set([...this.members.values()].flatMap((m) => [...m.owned.keys()]));
    for (let p = 0; p < this.partitions; p++) if (!owned.has(p)) this.#give(p);
  }

  /** Off executors that are draining or lost, some partitions a tick. */
  #moveOff(): void {
    for (const member of this.members.values()) {
      const lost = member.downFor > lostAfterTicks;
      if (!lost && (!member.draining || this.drainsBlocked)) continue;
      for (const partition of [...member.owned.keys()].slice(0, 3)) {
        member.owned.delete(partition);
        this.#give(partition);
      }
    }
  }

  #rebalance(): void {
    const takers = this.#takers();
    const [least, most] = [takers[0]!, takers.at(-1)!];
    if (most.owned.size - least.owned.size < 2) return;
    const [partition] = most.owned.keys();
    most.owned.delete(partition!);
    least.owned.set(partition!, loadTicks);
  }
}
