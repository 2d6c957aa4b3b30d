import type { AppReference } from "../document/document.ts";
import { BEAT_INTERVAL_MS } from "./beat-interval.ts";
import { ReadLease } from "./lease.ts";
import {
  CONTROL_PROTOCOL,
  type ExecutorMessage,
  type HeldPartition,
  type PartitionReport,
  type SchedulerMessage,
  type TableAssignment,
} from "./messages.ts";

/** What the executor around the session has to do. */
export type SessionEffect =
  | { readonly kind: "send"; readonly scheduler: string; readonly message: ExecutorMessage }
  /** Bring the table to this assignment: load `load`, free `free` (keys). A key whose epoch grew is in neither. */
  | {
      readonly kind: "hold";
      readonly assignment: TableAssignment;
      readonly load: readonly HeldPartition[];
      readonly free: readonly string[];
    }
  /** A newer spicepod is in force. */
  | { readonly kind: "app"; readonly app: AppReference }
  /** Another instance has this executor's id: stop serving and exit. */
  | { readonly kind: "stop"; readonly reason: string };

export interface ExecutorSessionOptions {
  readonly executor: string;
  readonly instance: string;
  readonly lostAfterMs: number;
}

/**
 * The executor's side of the cluster as a state machine without I/O: time and messages go in, effects come out. One
 * session per process, one control stream per scheduler.
 *
 *     connecting ──hello──▶ greeted ──welcome──▶ joined ──(stream ends)──▶ connecting
 *                                                  │
 *                              replaced ◀──────────┘  (any stream; final)
 *
 * Assignments are complete per table and carry the table's revision: an older one is acknowledged and ignored, so
 * repeats, reordering between schedulers and retries do no harm. Reads, refreshes and writes need the lease.
 */
export class ExecutorSession {
  readonly executor: string;
  readonly instance: string;
  readonly lease: ReadLease;
  readonly #joined = new Map<string, boolean>();
  readonly #tables = new Map<string, Map<string, HeldPartition>>();
  readonly #assignments = new Map<string, TableAssignment>();
  readonly #reports = new Map<string, Map<string, PartitionReport>>();
  readonly #sentAt = new Map<number, number>();
  readonly #lostAfterMs: number;
  #counter = 0;
  #lastBeatMs = Number.NEGATIVE_INFINITY;
  #registered = false;
  #replaced = false;
  #app: AppReference | undefined;
  /** Revisions and epochs mean something within one cluster only. */
  #cluster: string | undefined;

  constructor(options: ExecutorSessionOptions) {
    this.executor = options.executor;
    this.instance = options.instance;
    this.#lostAfterMs = options.lostAfterMs;
    this.lease = new ReadLease(options.lostAfterMs);
  }

  /** A control stream to `scheduler` is open. */
  connected(scheduler: string): SessionEffect[] {
    if (this.#replaced) return [];
    this.#joined.set(scheduler, false);
    return [
      this.#send(scheduler, {
        kind: "hello",
        executor: this.executor,
        instance: this.instance,
        protocol: CONTROL_PROTOCOL,
        registered: this.#registered,
        held: [...this.#assignments.values()].map(({ table, revision }) => ({ table, revision })),
        generation: this.#app?.generation ?? 0,
        cluster: this.#cluster,
      }),
    ];
  }

  /** The stream to `scheduler` ended. */
  disconnected(scheduler: string): void {
    this.#joined.delete(scheduler);
  }

  /** Call at least every {@link BEAT_INTERVAL_MS}; beats when one is due. */
  tick(nowMs: number): SessionEffect[] {
    if (this.#replaced || nowMs - this.#lastBeatMs < BEAT_INTERVAL_MS) return [];
    // A beat that nobody hears would only put off the first one that counts.
    if (!this.joined) return [];
    this.#lastBeatMs = nowMs;
    this.#counter += 1;
    this.#sentAt.set(this.#counter, nowMs);
    for (const [counter, at] of this.#sentAt) {
      if (nowMs - at <= this.#lostAfterMs) break;
      this.#sentAt.delete(counter);
    }
    const beat: ExecutorMessage = { kind: "beat", counter: this.#counter };
    return [...this.#joined].filter(([, joined]) => joined).map(([scheduler]) => this.#send(scheduler, beat));
  }

  /** A message came in order on the stream of `scheduler`. */
  receive(scheduler: string, message: SchedulerMessage): SessionEffect[] {
    if (this.#replaced || !this.#joined.has(scheduler)) return [];
    switch (message.kind) {
      case "welcome":
        // Two clusters were greeted at the same time; the next hello to this one is refused.
        if (this.#cluster !== undefined && this.#cluster !== message.cluster) return [];
        this.#cluster = message.cluster;
        this.#registered = true;
        this.#joined.set(scheduler, true);
        // A scheduler that restarted knows nothing of this executor: give it all state again.
        return [...this.#reports.values()].flatMap((table) =>
          [...table.values()].map((report) => this.#send(scheduler, { kind: "report", report })),
        );
      case "beat-answer": {
        const sentAtMs = this.#sentAt.get(message.counter);
        if (sentAtMs !== undefined) this.lease.confirm({ sentAtMs, schedulerAgeMs: message.ageMs });
        return [];
      }
      case "update-partitions":
        return [
          ...this.#hold(message.assignment),
          this.#send(scheduler, { kind: "ack", command: message.command }),
        ];
      case "app-changed": {
        const ack = this.#send(scheduler, { kind: "ack", command: message.command });
        return this.follow(message.app) ? [{ kind: "app", app: message.app }, ack] : [ack];
      }
      case "replaced":
        this.#replaced = true;
        return [{ kind: "stop", reason: message.reason }];
      default:
        return message satisfies never;
    }
  }

  /** The spicepod came by `GetAppDefinition`. False when a newer one is known already. */
  follow(app: AppReference): boolean {
    if (this.#app !== undefined && this.#app.generation >= app.generation) return false;
    this.#app = app;
    return true;
  }

  /** Take over an assignment that came by another way (`AllocateInitialPartitions`). */
  allocate(assignments: readonly TableAssignment[]): SessionEffect[] {
    return assignments.flatMap((assignment) => this.#hold(assignment));
  }

  /** A partition changed its state here: remember it and tell every scheduler. Void for what is not held. */
  report(report: PartitionReport): SessionEffect[] {
    const held = this.#tables.get(report.table)?.get(report.key);
    if (held === undefined || this.#replaced) return [];
    let table = this.#reports.get(report.table);
    if (table === undefined) {
      table = new Map();
      this.#reports.set(report.table, table);
    }
    table.set(report.key, report);
    return [...this.#joined]
      .filter(([, joined]) => joined)
      .map(([scheduler]) => this.#send(scheduler, { kind: "report", report }));
  }

  /** May this executor answer reads, refresh and write at all now? */
  mayServe(nowMs: number): boolean {
    return this.#registered && !this.#replaced && this.lease.holds(nowMs);
  }

  /** May it serve this partition now? Learners never. */
  servesPartition(table: string, key: string, nowMs: number): boolean {
    const held = this.#tables.get(table)?.get(key);
    return held !== undefined && held.role !== "learner" && this.mayServe(nowMs);
  }

  /** The newest assignment of each table. */
  get assignments(): Iterable<TableAssignment> {
    return this.#assignments.values();
  }

  held(table: string, key: string): HeldPartition | undefined {
    return this.#tables.get(table)?.get(key);
  }

  get replaced(): boolean {
    return this.#replaced;
  }

  get app(): AppReference | undefined {
    return this.#app;
  }

  /** True while a scheduler answers on an open stream. */
  get joined(): boolean {
    return this.joinedCount > 0;
  }

  /** Schedulers that welcomed this executor on a stream that is still open. */
  get joinedCount(): number {
    return [...this.#joined.values()].filter((joined) => joined).length;
  }

  #hold(assignment: TableAssignment): SessionEffect[] {
    const known = this.#assignments.get(assignment.table);
    if (known !== undefined && assignment.revision <= known.revision) return [];
    this.#assignments.set(assignment.table, assignment);
    const before = this.#tables.get(assignment.table);
    const after = new Map(assignment.partitions.map((held) => [held.key, held]));
    this.#tables.set(assignment.table, after);
    const load = assignment.partitions.filter(({ key }) => before?.has(key) !== true);
    const free = [...(before?.keys() ?? [])].filter((key) => !after.has(key));
    const reports = this.#reports.get(assignment.table);
    for (const key of free) reports?.delete(key);
    return [{ kind: "hold", assignment, load, free }, ...this.#renewReports(assignment.table, after)];
  }

  /** What is held on under a newer epoch is as loaded as before: say so, for older reports count for nothing now. */
  #renewReports(table: string, held: ReadonlyMap<string, HeldPartition>): SessionEffect[] {
    const effects: SessionEffect[] = [];
    for (const known of this.#reports.get(table)?.values() ?? []) {
      const { epoch } = held.get(known.key) ?? known;
      if (epoch > known.epoch) effects.push(...this.report({ ...known, epoch }));
    }
    return effects;
  }

  #send(scheduler: string, message: ExecutorMessage): SessionEffect {
    return { kind: "send", scheduler, message };
  }
}
