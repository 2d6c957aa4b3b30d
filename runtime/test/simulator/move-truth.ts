import type { ClusterDocument, TableEntry } from "../../src/core/cluster/document/document.ts";
import { TTL_GRACE_MS } from "../../src/core/cluster/membership/counter-observer.ts";
import { drainStatus } from "../../src/core/cluster/moves/drain-status.ts";
import { POLL_INTERVAL_MS } from "../../src/scheduler/state/poll.ts";
import type { SimExecutor } from "./sim-executor.ts";
import { CLOCK_TOLERANCE, Violation } from "./truth.ts";
import type { World } from "./world.ts";

/** A process that held something of a table before the document gave it away. */
interface Former {
  readonly executor: SimExecutor;
  readonly table: string;
  /** From this revision of the table on it knows. */
  readonly revision: number;
  readonly sinceMs: number;
}

/**
 * The invariants of moves: who is taken out of the document has no lease and gets none before it knows, an owner
 * stays until its heir has loaded, and an old owner hears of its heir in bounded time.
 */
export class MoveTruth {
  /** Learners that became owners. */
  promotions = 0;
  /** Executors that lost their partitions. */
  losses = 0;
  readonly #world: World;
  readonly #lostAfterMs: number;
  readonly #find: (executor: string, instance: string) => SimExecutor | undefined;
  #removed: Former[] = [];
  #superseded: Former[] = [];

  /** `find` gives the process of an executor instance while it exists, paused or not. */
  constructor(
    world: World,
    lostAfterMs: number,
    find: (executor: string, instance: string) => SimExecutor | undefined,
  ) {
    this.#world = world;
    this.#lostAfterMs = lostAfterMs;
    this.#find = find;
  }

  onCommit(last: ClusterDocument, next: ClusterDocument): void {
    this.#checkRemoved(last, next);
    for (const [name, table] of Object.entries(next.accelerations)) {
      const before = last.accelerations[name];
      if (before !== undefined && before.revision !== table.revision)
        this.#checkTable(last, next, before, table);
    }
  }

  /** After every step. */
  check(): void {
    if (this.#removed.length > 0) {
      this.#removed = this.#removed.filter((former) => isUnaware(former));
      for (const { executor, table } of this.#removed) {
        if (executor.process.running && mayServe(executor)) {
          throw new Violation(`${executor.id} may serve ${table}, which it lost: two owners`);
        }
      }
    }
    if (this.#superseded.length > 0) {
      const now = this.#world.now;
      const limit = (POLL_INTERVAL_MS + 2 * this.#lostAfterMs) * CLOCK_TOLERANCE + TTL_GRACE_MS;
      this.#superseded = this.#superseded.filter((former) => isUnaware(former));
      for (const { executor, table, sinceMs } of this.#superseded) {
        if (now - sinceMs > limit && executor.process.running && mayServe(executor)) {
          throw new Violation(`${executor.id} still serves ${table} ${now - sinceMs} ms after its heir`);
        }
      }
    }
  }

  #checkRemoved(last: ClusterDocument, next: ClusterDocument): void {
    const removed = Object.keys(last.executors).filter((id) => next.executors[id] === undefined);
    // Whoever is drained and empty may leave; the others are the cluster.
    const counts = (id: string) =>
      !removed.includes(id) ||
      last.executors[id]!.state !== "draining" ||
      drainStatus(last, id).state !== "DRAINED";
    const members = Object.keys(last.executors).filter(counts).length;
    const lost = removed.filter(counts).length;
    if (lost * 2 > members) throw new Violation(`${lost} of ${members} executors removed at once`);
    for (const id of removed) {
      this.losses += 1;
      const executor = this.#find(id, last.executors[id]!.instance_id);
      if (executor === undefined) continue;
      if (mayServe(executor))
        throw new Violation(`${id} was taken for lost while its lease runs: two owners`);
      for (const [table, entry] of Object.entries(next.accelerations)) {
        const { revision } = entry;
        const before = last.accelerations[table];
        if (before === undefined || before.revision === revision) continue;
        this.#removed.push({ executor, table, revision, sinceMs: this.#world.now });
      }
    }
  }

  #checkTable(last: ClusterDocument, next: ClusterDocument, before: TableEntry, after: TableEntry): void {
    const at = before.partitions.values.locate(after.partitions.values);
    for (let i = 0; i < at.length; i += 1) {
      const from = at[i]!;
      if (from < 0) continue;
      const old = before.partitions.owner(from);
      const now = after.partitions.owner(i);
      const place = `${after.table_name} ${after.partitions.key(i)}`;
      if (now === undefined) {
        if (old !== undefined && next.executors[old] !== undefined) {
          throw new Violation(`${place}: its owner ${old} lives and was freed before an heir had loaded`);
        }
        continue;
      }
      if (now === old) continue;
      const entry = next.executors[now];
      if (entry === undefined) throw new Violation(`${place}: its owner ${now} is not in the document`);
      if (before.partitions.learners(from).includes(now)) {
        this.promotions += 1;
        const heir = this.#find(now, entry.instance_id);
        if (heir !== undefined && heir.partitions.version(after.table_name, after.partitions.key(i)) === 0) {
          throw new Violation(`${place}: ${now} became owner and has not loaded it`);
        }
      } else if (old !== undefined) {
        throw new Violation(`${place}: went from ${old} to ${now}, which did not learn it`);
      }
      if (old === undefined) continue;
      const former = this.#find(old, last.executors[old]?.instance_id ?? "");
      if (former === undefined) continue;
      const { table_name: table, revision } = after;
      this.#superseded.push({ executor: former, table, revision, sinceMs: this.#world.now });
    }
  }
}

function mayServe({ session, process }: SimExecutor): boolean {
  return session.mayServe(process.clock.monotonicMs());
}

/** It exists and has not heard of the change; one that holds nothing of the table has nothing to hear of. */
function isUnaware({ executor, table, revision }: Former): boolean {
  if (executor.process.crashed || executor.session.replaced) return false;
  for (const known of executor.session.assignments) {
    if (known.table === table) return known.partitions.length > 0 && known.revision < revision;
  }
  return false;
}
