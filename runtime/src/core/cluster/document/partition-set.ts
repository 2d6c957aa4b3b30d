import type { PartitionValue, PartitionValues } from "./partition-values.ts";

/** What few partitions have: serving replicas, learners, and fields that a later version wrote. */
export interface PartitionExtra {
  readonly replicas?: readonly string[];
  readonly learners?: readonly string[];
  readonly unknown?: Readonly<Record<string, unknown>>;
}

/** The raw columns of a {@link PartitionSet}; index i of each is partition i of `values`. */
export interface PartitionColumns {
  readonly values: PartitionValues;
  /** Dictionary of executor ids that `owners` points into. */
  readonly executors: readonly string[];
  /** Index into `executors`, or −1: unassigned. */
  readonly owners: Int32Array;
  readonly epochs: Uint32Array;
  /** Wall milliseconds of the last assignment (information), 0 when never assigned. */
  readonly assignedAt: Float64Array;
  readonly extras: ReadonlyMap<number, PartitionExtra>;
}

/**
 * The partitions of one table with their owners: immutable, sorted by value, held by column so that a million of
 * them are a few typed arrays. Change it through {@link PartitionSet.edit} or {@link PartitionSet.reshape}.
 */
export class PartitionSet {
  readonly columns: PartitionColumns;

  constructor(columns: PartitionColumns) {
    this.columns = columns;
  }

  /** All of `values`, unassigned, epoch 0. */
  static fresh(values: PartitionValues): PartitionSet {
    return new PartitionSet({
      values,
      executors: [],
      owners: new Int32Array(values.count).fill(-1),
      epochs: new Uint32Array(values.count),
      assignedAt: new Float64Array(values.count),
      extras: new Map(),
    });
  }

  get count(): number {
    return this.columns.values.count;
  }

  get values(): PartitionValues {
    return this.columns.values;
  }

  tuple(index: number): PartitionValue[] {
    return this.columns.values.tuple(index);
  }

  key(index: number): string {
    return this.columns.values.key(index);
  }

  /** The index of a canonical key, or −1. */
  indexOfKey(key: string): number {
    return this.columns.values.indexOf(JSON.parse(key) as PartitionValue[]);
  }

  owner(index: number): string | undefined {
    return this.columns.executors[this.columns.owners[index]!];
  }

  /** The serving executors: the owner first, then replicas; empty when unassigned. */
  holders(index: number): readonly string[] {
    const owner = this.owner(index);
    if (owner === undefined) return [];
    return [owner, ...(this.columns.extras.get(index)?.replicas ?? [])];
  }

  /** Executors that load the partition and are never queried. */
  learners(index: number): readonly string[] {
    return this.columns.extras.get(index)?.learners ?? [];
  }

  epoch(index: number): number {
    return this.columns.epochs[index]!;
  }

  lastAssignedAt(index: number): number | undefined {
    const at = this.columns.assignedAt[index]!;
    return at === 0 ? undefined : at;
  }

  /** Number of partitions without an owner. */
  unassignedCount(): number {
    let count = 0;
    for (const owner of this.columns.owners) if (owner < 0) count += 1;
    return count;
  }

  /** Partitions owned by each executor that owns any. */
  ownedCounts(): Map<string, number> {
    const counts = new Int32Array(this.columns.executors.length);
    for (const owner of this.columns.owners) if (owner >= 0) counts[owner]! += 1;
    const named = new Map<string, number>();
    counts.forEach((count, i) => {
      if (count > 0) named.set(this.columns.executors[i]!, count);
    });
    return named;
  }

  /** The same partitions where both have them, new ones unassigned, the others gone. */
  reshape(values: PartitionValues): PartitionSet {
    if (values.equals(this.columns.values)) return this;
    const old = this.columns.values.locate(values);
    const { owners, epochs, assignedAt, extras } = this.columns;
    const shaped = PartitionSet.fresh(values);
    const moved = new Map<number, PartitionExtra>();
    for (let i = 0; i < values.count; i += 1) {
      const from = old[i]!;
      if (from < 0) continue;
      shaped.columns.owners[i] = owners[from]!;
      shaped.columns.epochs[i] = epochs[from]!;
      shaped.columns.assignedAt[i] = assignedAt[from]!;
      const extra = extras.get(from);
      if (extra !== undefined) moved.set(i, extra);
    }
    return new PartitionSet({ ...shaped.columns, executors: this.columns.executors, extras: moved });
  }

  edit(): PartitionEditor {
    return new PartitionEditor(this);
  }
}

/** Collects changes to a copy of a set; the original stays as it is. */
export class PartitionEditor {
  readonly #base: PartitionSet;
  readonly #executors: string[];
  readonly #codes: Map<string, number>;
  readonly #owners: Int32Array;
  readonly #epochs: Uint32Array;
  readonly #assignedAt: Float64Array;
  #extras: Map<number, PartitionExtra> | undefined;
  #changed = false;

  constructor(base: PartitionSet) {
    this.#base = base;
    this.#executors = [...base.columns.executors];
    this.#codes = new Map(this.#executors.map((id, i) => [id, i]));
    this.#owners = base.columns.owners.slice();
    this.#epochs = base.columns.epochs.slice();
    this.#assignedAt = base.columns.assignedAt.slice();
  }

  /**
   * Make `executor` the owner. The epoch grows by one; a partition that never had an owner starts at
   * `firstEpoch`, the revision of the write: so an epoch never comes back for a value that vanished and returned.
   */
  assign(index: number, executor: string, firstEpoch: number, nowMs: number): void {
    let code = this.#codes.get(executor);
    if (code === undefined) {
      code = this.#executors.push(executor) - 1;
      this.#codes.set(executor, code);
    }
    this.#owners[index] = code;
    this.bumpEpoch(index, firstEpoch);
    this.#assignedAt[index] = nowMs;
  }

  /** The same owner under a new epoch (its process is another one). */
  bumpEpoch(index: number, firstEpoch: number): void {
    const epoch = this.#epochs[index]!;
    this.#epochs[index] = epoch === 0 ? firstEpoch : epoch + 1;
    this.#changed = true;
  }

  /** Let `executor` load the partition; nothing changes when it has a part in it already. */
  addLearner(index: number, executor: string): void {
    const { learners = [], replicas = [] } = this.#extra(index);
    if (learners.includes(executor) || replicas.includes(executor)) return;
    if (this.#executors[this.#owners[index]!] === executor) return;
    this.#setExtra(index, { learners: [...learners, executor] });
  }

  /**
   * Take a learner out again without a promotion. The epoch grows: should the same process learn the partition once
   * more, what it reported of the first time must not pass for the second.
   */
  dropLearner(index: number, executor: string): void {
    const { learners = [] } = this.#extra(index);
    if (!learners.includes(executor)) return;
    this.#setExtra(index, { learners: learners.filter((id) => id !== executor) });
    this.bumpEpoch(index, 1);
  }

  /** Take a serving replica out; the epoch grows for the reason given at {@link dropLearner}. */
  dropReplica(index: number, executor: string): void {
    const { replicas = [] } = this.#extra(index);
    if (!replicas.includes(executor)) return;
    this.#setExtra(index, { replicas: replicas.filter((id) => id !== executor) });
    this.bumpEpoch(index, 1);
  }

  /** A learner or replica becomes the owner (epoch + 1); the old owner is out of the partition. */
  promote(index: number, executor: string, firstEpoch: number, nowMs: number): void {
    const { learners = [], replicas = [] } = this.#extra(index);
    const others = (ids: readonly string[]) => ids.filter((id) => id !== executor);
    if (learners.includes(executor) || replicas.includes(executor)) {
      this.#setExtra(index, { learners: others(learners), replicas: others(replicas) });
    }
    this.assign(index, executor, firstEpoch, nowMs);
  }

  /** The owner is gone and nobody takes over yet. The epoch grows: what it reported is void, should it come back. */
  release(index: number): void {
    if (this.#owners[index]! < 0) return;
    this.#owners[index] = -1;
    this.bumpEpoch(index, 1);
  }

  #extra(index: number): PartitionExtra {
    return (this.#extras ?? this.#base.columns.extras).get(index) ?? {};
  }

  /** Replace the learners or replicas of a partition; an empty list is none. */
  #setExtra(index: number, change: Pick<PartitionExtra, "learners" | "replicas">): void {
    const extras = this.#extras ?? new Map(this.#base.columns.extras);
    this.#extras = extras;
    this.#changed = true;
    const { learners = [], replicas = [], unknown } = { ...this.#extra(index), ...change };
    const next: PartitionExtra = {
      ...(replicas.length > 0 ? { replicas } : {}),
      ...(learners.length > 0 ? { learners } : {}),
      ...(unknown === undefined ? {} : { unknown }),
    };
    if (Object.keys(next).length === 0) extras.delete(index);
    else extras.set(index, next);
  }

  /** The changed set, or the original itself when nothing changed. */
  build(): PartitionSet {
    if (!this.#changed) return this.#base;
    return new PartitionSet({
      values: this.#base.columns.values,
      executors: this.#executors,
      owners: this.#owners,
      epochs: this.#epochs,
      assignedAt: this.#assignedAt,
      extras: this.#extras ?? this.#base.columns.extras,
    });
  }
}
