import { parseRoot } from "../../src/core/cluster/document/codec.ts";
import { CLUSTER_KEY, type ClusterDocument } from "../../src/core/cluster/document/document.ts";
import type { PartitionSet } from "../../src/core/cluster/document/partition-set.ts";
import { assignmentKey, decodePartitions } from "../../src/core/cluster/document/partitions-object.ts";
import { parseHeartbeat } from "../../src/core/cluster/membership/heartbeat-file.ts";
import type { TableAssignment } from "../../src/core/cluster/membership/messages.ts";
import type { SimStore, StoreWrite } from "./store.ts";
import type { World } from "./world.ts";

/** An invariant does not hold: the message says which. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** How far a process's clock may be off in rate; durations measured by it are right within this. */
export const CLOCK_TOLERANCE = 1.03;

/**
 * From an observer's look at a silent scheduler to its committed write: several attempts with time-outs. One that
 * wakes up in between is removed all the same, and registers again.
 */
const COMMIT_MS = 45_000;

/**
 * What an observer who sees everything knows of a run, and the invariants that it checks: on each committed document,
 * on each assignment that reaches an executor, and after every step.
 */
export class Truth {
  document: ClusterDocument | undefined;
  commits = 0;
  readonly #world: World;
  readonly #store: () => SimStore;
  readonly #onCommit: (last: ClusterDocument, next: ClusterDocument) => void;
  readonly #graceMs: number;
  /** `table key epoch` → `owner instance`: an epoch belongs to one process for ever. */
  readonly #owners = new Map<string, string>();
  /** `table key` → highest epoch ever committed. */
  readonly #epochs = new Map<string, number>();
  /** Instance of a scheduler → when its last beat reached the store, or its entry was written. */
  readonly #alive = new Map<string, number>();
  /** Instance of a scheduler → when it last beat again after a silence that gave its registration up. */
  readonly #woke = new Map<string, number>();
  readonly #leaving = new Set<string>();
  /** Assignment objects are immutable: each is read once. */
  readonly #decoded = new WeakMap<Uint8Array, PartitionSet>();
  readonly #probes = new Map<string, { asked: number; acknowledged: number }>();

  /** `onCommit` checks more of each change of the document. */
  constructor(
    world: World,
    store: () => SimStore,
    ttlMs: number,
    onCommit: (last: ClusterDocument, next: ClusterDocument) => void,
  ) {
    this.#onCommit = onCommit;
    this.#world = world;
    this.#store = store;
    this.#graceMs = (ttlMs + 5_000) / CLOCK_TOLERANCE;
  }

  onWrite({ key, body }: StoreWrite): void {
    if (key === CLUSTER_KEY) this.#committed(this.read(body));
    else if (key.startsWith("heartbeats/")) {
      const instance = parseHeartbeat(body, key).instance_id;
      if (this.#world.now - this.beatAt(instance) >= this.#graceMs) this.#woke.set(instance, this.#world.now);
      this.#alive.set(instance, this.#world.now);
    }
  }

  /** The scheduler instance is shutting down and may remove its entry. */
  leaving(instance: string): void {
    this.#leaving.add(instance);
  }

  /** When the last beat of a scheduler instance reached the store; −Infinity before the first. */
  beatAt(instance: string): number {
    return this.#alive.get(instance) ?? Number.NEGATIVE_INFINITY;
  }

  /** `instance` asks for a probe increment; its author may not live to hear of it. */
  probeStarted(instance: string): void {
    this.#probe(instance).asked += 1;
  }

  /** A probe increment was reported as committed to its author. */
  probeAcknowledged(instance: string): void {
    const count = this.#probe(instance);
    count.acknowledged += 1;
    const found = this.document === undefined ? 0 : (probesOf(this.document)[instance] ?? 0);
    if (found < count.acknowledged) {
      throw new Violation(`lost write: ${instance} was told of ${count.acknowledged}, ${found} are there`);
    }
  }

  /** An assignment reached this instance of an executor. */
  checkHeld(executor: string, instance: string, { table, partitions }: TableAssignment): void {
    for (const { key, epoch, role } of partitions) {
      const owner = this.#owners.get(`${table} ${key} ${epoch}`);
      if (role === "owner" && owner !== `${executor} ${instance}`) {
        throw new Violation(
          `${executor} ${instance} holds ${table} ${key} at epoch ${epoch} of ${owner ?? "nobody"}`,
        );
      }
    }
  }

  /** An executor may serve now; `confirmedAt` is when the beat behind its newest confirmation reached the store. */
  checkLease(executor: string, confirmedAt: number, lostAfterMs: number): void {
    if (this.#world.now - confirmedAt > lostAfterMs * CLOCK_TOLERANCE) {
      throw new Violation(
        `${executor} may serve at ${this.#world.now} on a confirmation of ${confirmedAt}: its lease is over`,
      );
    }
  }

  read(body: Uint8Array): ClusterDocument {
    return parseRoot(body, CLUSTER_KEY).complete((table, { sha256 }) => {
      const object = this.#store().objects.get(assignmentKey(sha256));
      if (object === undefined)
        throw new Violation(`the root names ${sha256} of ${table}, which does not exist`);
      const known = this.#decoded.get(object.body) ?? decodePartitions(object.body, sha256, sha256).set;
      this.#decoded.set(object.body, known);
      return known;
    });
  }

  #probe(instance: string): { asked: number; acknowledged: number } {
    const known = this.#probes.get(instance) ?? { asked: 0, acknowledged: 0 };
    this.#probes.set(instance, known);
    return known;
  }

  #checkProbes(document: ClusterDocument): void {
    for (const [instance, found] of Object.entries(probesOf(document))) {
      const { asked } = this.#probe(instance);
      if (found > asked)
        throw new Violation(`doubled write: ${instance} asked for ${asked}, ${found} are there`);
    }
  }

  #committed(next: ClusterDocument): void {
    const last = this.document;
    this.commits += 1;
    this.document = next;
    if (last !== undefined) {
      if (next.cluster_id !== last.cluster_id) throw new Violation("the document was created a second time");
      if (next.revision !== last.revision + 1) {
        throw new Violation(`revision went from ${last.revision} to ${next.revision}`);
      }
      if ((next.app?.generation ?? 0) < (last.app?.generation ?? 0)) {
        throw new Violation("the spicepod's generation went back");
      }
      this.#checkSchedulers(last, next);
      this.#onCommit(last, next);
    }
    this.#checkProbes(next);
    for (const entry of Object.values(next.schedulers)) {
      if (!this.#alive.has(entry.instance_id)) this.#alive.set(entry.instance_id, this.#world.now);
    }
    for (const [name, table] of Object.entries(next.accelerations)) {
      if (last?.accelerations[name]?.revision === table.revision) continue;
      for (let i = 0; i < table.partitions.count; i += 1) {
        const owner = table.partitions.owner(i);
        if (owner === undefined) continue;
        const place = `${name} ${table.partitions.key(i)}`;
        const epoch = table.partitions.epoch(i);
        const highest = this.#epochs.get(place) ?? 0;
        if (epoch < highest) throw new Violation(`${place}: epoch went from ${highest} to ${epoch}`);
        this.#epochs.set(place, epoch);
        const holder = `${owner} ${next.executors[owner]?.instance_id ?? "unregistered"}`;
        const before = this.#owners.get(`${place} ${epoch}`);
        if (before !== undefined && before !== holder) {
          throw new Violation(`${place}: epoch ${epoch} belongs to ${before} and to ${holder}`);
        }
        this.#owners.set(`${place} ${epoch}`, holder);
      }
    }
  }

  #checkSchedulers(last: ClusterDocument, next: ClusterDocument): void {
    for (const [id, entry] of Object.entries(last.schedulers)) {
      if (next.schedulers[id]?.instance_id === entry.instance_id) continue;
      if (this.#leaving.has(entry.instance_id)) continue;
      const silentFor = this.#world.now - this.beatAt(entry.instance_id);
      const awakeFor = this.#world.now - (this.#woke.get(entry.instance_id) ?? Number.NEGATIVE_INFINITY);
      if (silentFor < this.#graceMs && awakeFor > COMMIT_MS) {
        throw new Violation(`${id} lost its registration ${silentFor} ms after its last beat`);
      }
    }
  }
}

/** Counters that the simulated schedulers keep in a field of the root that the program does not know. */
export function probesOf(document: ClusterDocument): Readonly<Record<string, number>> {
  return (document as { readonly probes?: Readonly<Record<string, number>> }).probes ?? {};
}

export function withProbe(document: ClusterDocument, instance: string): ClusterDocument {
  const probes = probesOf(document);
  const next = { ...document, probes: { ...probes, [instance]: (probes[instance] ?? 0) + 1 } };
  return next;
}
