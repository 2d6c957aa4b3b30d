import { planCycle } from "../../cycle.ts";
import { type ClusterDocument, newDocument } from "../../document/document.ts";
import { PartitionValues } from "../../document/partition-values.ts";
import { registerExecutor } from "../../membership/membership.ts";
import type { PartitionReport } from "../../membership/messages.ts";
import { ReportBook } from "../../membership/reports.ts";
import type { MoveInput, MoveReport } from "../move-input.ts";
import { planMoves } from "../plan-moves.ts";

/** A cluster of executors `e0`, `e1`, … with one bucket table per entry of `buckets`, seeded; for tests of moves. */
export function cluster(executors: number, buckets: readonly number[]): TestCluster {
  return new TestCluster(executors, buckets);
}

export class TestCluster {
  document: ClusterDocument = newDocument("c", 0);
  readonly reports = new ReportBook();
  readonly dead = new Set<string>();
  last: MoveReport = {
    steps: [],
    removed: [],
    empty: [],
    blocked: new Map(),
    moving: 0,
    stranded: 0,
    overCapacity: [],
  };

  constructor(executors: number, buckets: readonly number[]) {
    for (let i = 0; i < executors; i += 1) this.join(`e${i}`);
    const { document } = planCycle(this.document, {
      tables: buckets.map((count, i) => ({
        name: `t${i}`,
        expressions: [`bucket(${count}, id)`],
        onChangedExpressions: "keep",
        discovery: {
          values: PartitionValues.buckets(count, false),
          discoveredAtMs: 1,
          removable: new Map(),
        },
      })),
      complete: true,
      liveExecutors: this.live(),
      seeding: true,
      capped: false,
      settings: { maxPartitionsPerExecutor: 100_000, maxPartitionAssignmentsPerInterval: 100_000 },
      nowMs: 1,
    });
    this.#commit(document);
  }

  join(id: string, instance = `i-${id}`): void {
    this.dead.delete(id);
    this.#commit(registerExecutor(this.document, id, instance));
    this.reports.joined(id, instance);
  }

  drain(id: string, state: "active" | "draining" = "draining"): void {
    const executors = { ...this.document.executors, [id]: { ...this.document.executors[id]!, state } };
    this.#commit({ ...this.document, executors });
  }

  live(): string[] {
    return Object.keys(this.document.executors).filter((id) => !this.dead.has(id));
  }

  report(id: string, report: PartitionReport, instance = this.document.executors[id]?.instance_id): void {
    this.reports.joined(id, instance!);
    this.reports.record(id, instance!, report);
  }

  /** Every learner reports that it has loaded. */
  load(): void {
    for (const [name, { partitions }] of Object.entries(this.document.accelerations)) {
      for (const [index, { learners = [] }] of partitions.columns.extras) {
        for (const id of learners) {
          this.report(id, report(name, partitions.key(index), partitions.epoch(index)));
        }
      }
    }
  }

  plan(
    more: Omit<Partial<MoveInput>, "settings"> & { readonly settings?: Partial<MoveInput["settings"]> } = {},
  ): MoveReport {
    const { document, result } = planMoves(this.document, {
      liveExecutors: this.live(),
      lost: new Set(),
      unheard: new Set(),
      report: (...args) => this.reports.of(...args),
      capped: true,
      nowMs: 2,
      ...more,
      settings: {
        maxPartitionsPerExecutor: 1_000,
        maxPartitionAssignmentsPerInterval: 100,
        maxPartitionMoveBytes: Number.POSITIVE_INFINITY,
        ...more.settings,
      },
    });
    this.#commit(document);
    this.last = result;
    return result;
  }

  /** Plan and load until nothing is left to do; how many learners became owners. */
  finish(more: Parameters<TestCluster["plan"]>[0] = {}): number {
    let promoted = 0;
    for (let turn = 0; turn < 1_000; turn += 1) {
      const { steps } = this.plan(more);
      if (steps.length === 0) return promoted;
      promoted += steps.filter(({ kind }) => kind === "promote").length;
      this.load();
    }
    throw new Error("the moves do not end");
  }

  epoch(table: string, key: string): number {
    const { partitions } = this.document.accelerations[table]!;
    return partitions.epoch(partitions.indexOfKey(key));
  }

  holders(table: string, key: string) {
    const { partitions } = this.document.accelerations[table]!;
    const index = partitions.indexOfKey(key);
    return {
      holders: partitions.holders(index),
      learners: partitions.learners(index),
      epoch: partitions.epoch(index),
    };
  }

  #commit(document: ClusterDocument): void {
    if (document === this.document) return;
    this.document = { ...document, revision: this.document.revision + 1 };
  }
}

export function report(table: string, key: string, epoch: number): PartitionReport {
  return { table, key, epoch, state: "loaded", version: 1, rows: 10, bytes: 100 };
}

/** Partitions owned by each executor, in all tables. */
export function owners(document: ClusterDocument): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { partitions } of Object.values(document.accelerations)) {
    for (const [id, n] of partitions.ownedCounts()) counts.set(id, (counts.get(id) ?? 0) + n);
  }
  return counts;
}
