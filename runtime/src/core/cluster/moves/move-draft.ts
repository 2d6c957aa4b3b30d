import { activeExecutors, type ClusterDocument } from "../document/document.ts";
import type { PartitionEditor, PartitionSet } from "../document/partition-set.ts";
import type { PartitionReport } from "../membership/messages.ts";
import type { MoveInput, MoveStep } from "./move-input.ts";

type Cause = MoveStep["cause"];

/**
 * The document that one run of the moves works on: each step changes it and is written down. A phase sees what the
 * phases before it did once {@link MoveDraft.settle} was called.
 */
export class MoveDraft {
  readonly input: MoveInput;
  /** The lost ones that the document has, sorted. */
  readonly lost: readonly string[];
  /** Who may get learners: active, heard, and not lost. Sorted. */
  readonly targets: readonly string[];
  readonly steps: MoveStep[] = [];
  /** Names of the tables, in order. */
  readonly tables: readonly string[];
  readonly #base: ClusterDocument;
  #document: ClusterDocument;
  readonly #edits = new Map<string, PartitionEditor>();
  /** Partitions that each executor owns or learns. */
  readonly #held = new Map<string, number>();

  constructor(document: ClusterDocument, input: MoveInput) {
    this.#base = document;
    this.#document = document;
    this.input = input;
    this.lost = [...input.lost].filter((id) => document.executors[id] !== undefined).sort();
    this.tables = Object.keys(document.accelerations).sort();
    const live = new Set(input.liveExecutors);
    this.targets = activeExecutors(document).filter((id) => live.has(id) && !input.lost.has(id));
    for (const table of this.tables) {
      const set = this.set(table);
      for (const [id, count] of set.ownedCounts()) this.#add(id, count);
      for (const { learners = [] } of set.columns.extras.values()) {
        for (const id of learners) this.#add(id, 1);
      }
    }
  }

  /** The partitions of a table as of the last {@link settle}. */
  set(table: string): PartitionSet {
    return this.#document.accelerations[table]!.partitions;
  }

  /** Canonical prints of a table's partition expressions. */
  expressions(table: string): readonly string[] {
    return this.#document.accelerations[table]!.partition_expressions;
  }

  /** Does the document have this executor? */
  knows(executor: string): boolean {
    return this.#document.executors[executor] !== undefined;
  }

  isDraining(executor: string): boolean {
    return this.#document.executors[executor]?.state === "draining";
  }

  /** Executors that drain, sorted. */
  draining(): string[] {
    return Object.keys(this.#document.executors)
      .filter((id) => this.isDraining(id))
      .sort();
  }

  /** Every executor of the document is heard. */
  allHeard(): boolean {
    const live = new Set(this.input.liveExecutors);
    return Object.keys(this.#document.executors).every((id) => live.has(id));
  }

  /** Partitions that an executor owns or learns, with the steps so far. */
  held(executor: string): number {
    return this.#held.get(executor) ?? 0;
  }

  /** What the present instance of an executor reported of a partition. */
  report(executor: string, table: string, key: string): PartitionReport | undefined {
    const entry = this.#document.executors[executor];
    return entry === undefined ? undefined : this.input.report(executor, table, key, entry.instance_id);
  }

  /** Bytes of a partition as reported. */
  bytes(table: string, key: string): number | undefined {
    return this.input.sizes?.(this.#base, table)?.bytes(key);
  }

  learn(table: string, index: number, executor: string, cause: Cause): void {
    this.#edit(table).addLearner(index, executor);
    this.#add(executor, 1);
    this.#step("learn", cause, table, index, executor);
  }

  dropLearner(table: string, index: number, executor: string, cause: Cause): void {
    this.#edit(table).dropLearner(index, executor);
    this.#add(executor, -1);
    this.#step("drop-learner", cause, table, index, executor);
  }

  dropReplica(table: string, index: number, executor: string): void {
    this.#edit(table).dropReplica(index, executor);
  }

  /** A learner or replica becomes the owner; the old owner is out. */
  promote(table: string, index: number, executor: string, cause: Cause): void {
    const set = this.set(table);
    const owner = set.owner(index);
    if (owner !== undefined) this.#add(owner, -1);
    if (!set.learners(index).includes(executor)) this.#add(executor, 1);
    this.#edit(table).promote(index, executor, this.#base.revision + 1, this.input.nowMs);
    this.#step("promote", cause, table, index, executor);
  }

  release(table: string, index: number): void {
    const owner = this.set(table).owner(index);
    if (owner === undefined) return;
    this.#add(owner, -1);
    this.#edit(table).release(index);
    this.#step("release", "loss", table, index, owner);
  }

  /** The executor's entry leaves the document. */
  removeExecutor(executor: string): void {
    const { [executor]: _, ...executors } = this.#document.executors;
    this.#document = { ...this.#document, executors };
  }

  /** Make the steps so far visible to what comes next. */
  settle(): void {
    if (this.#edits.size === 0) return;
    const accelerations = { ...this.#document.accelerations };
    for (const [name, edit] of this.#edits) {
      const entry = accelerations[name]!;
      const partitions = edit.build();
      if (partitions !== entry.partitions) accelerations[name] = { ...entry, partitions };
    }
    this.#edits.clear();
    this.#document = { ...this.#document, accelerations };
  }

  build(): ClusterDocument {
    this.settle();
    return this.#document;
  }

  /**
   * The executor that a learner of this partition should be on: the least loaded of the targets that have no part in
   * it and did not fail to load it; of equally loaded ones that with most `neighbours`. Undefined when there is none;
   * `soft` passes the limit per executor.
   */
  choose(
    table: string,
    index: number,
    soft: boolean,
    neighbours: (executor: string) => number = () => 0,
  ): string | undefined {
    const set = this.set(table);
    const key = set.key(index);
    const { replicas = [], learners = [] } = set.columns.extras.get(index) ?? {};
    const owner = set.owner(index);
    let best: string | undefined;
    for (const id of this.targets) {
      if (id === owner || replicas.includes(id) || learners.includes(id)) continue;
      if (!soft && this.held(id) >= this.input.settings.maxPartitionsPerExecutor) continue;
      const more = best === undefined ? -1 : this.held(id) - this.held(best);
      if (more > 0 || (more === 0 && neighbours(id) <= neighbours(best!))) continue;
      if (this.report(id, table, key)?.state === "failed") continue;
      best = id;
    }
    return best;
  }

  /** Call `visit` for every partition that has learners. */
  eachWithLearners(visit: (table: string, index: number, learners: readonly string[]) => void): void {
    for (const table of this.tables) {
      for (const [index, { learners }] of this.set(table).columns.extras) {
        if (learners !== undefined) visit(table, index, learners);
      }
    }
  }

  /** Learners under way, and partitions that have neither owner nor learner although they had an owner. */
  census(): { readonly moving: number; readonly stranded: number } {
    this.settle();
    let moving = 0;
    let stranded = 0;
    this.eachWithLearners((_, __, learners) => {
      moving += learners.length;
    });
    for (const table of this.tables) {
      const set = this.set(table);
      const { owners, epochs } = set.columns;
      owners.forEach((owner, i) => {
        if (owner < 0 && epochs[i]! > 0 && set.learners(i).length === 0) stranded += 1;
      });
    }
    return { moving, stranded };
  }

  overCapacity(): string[] {
    const limit = this.input.settings.maxPartitionsPerExecutor;
    return [...this.#held]
      .filter(([, count]) => count > limit)
      .map(([id]) => id)
      .sort();
  }

  #edit(table: string): PartitionEditor {
    let edit = this.#edits.get(table);
    if (edit === undefined) {
      edit = this.set(table).edit();
      this.#edits.set(table, edit);
    }
    return edit;
  }

  #add(executor: string, count: number): void {
    this.#held.set(executor, this.held(executor) + count);
  }

  #step(kind: MoveStep["kind"], cause: Cause, table: string, index: number, executor: string): void {
    const set = this.set(table);
    const from = set.owner(index);
    const step = { kind, cause, table, key: set.key(index), executor };
    this.steps.push(from === undefined ? step : { ...step, from });
  }
}
