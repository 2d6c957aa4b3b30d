import type { FairQueue } from "../../adapters/exchange/fair-queue.ts";
import { backoffMs } from "../../core/cluster/backoff.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CopiedVersion, PartitionCopier } from "../../ports/partition-copy.ts";
import type { Random } from "../../ports/random.ts";
import type { SpoolStore } from "../../ports/spool.ts";
import type { AcceleratedTable } from "../storage/accelerated-table.ts";
import type { AssignedPartition } from "../storage/refresh-types.ts";

/** How an executor copies partitions from others; one for all of its tables. */
export interface CopyMeans {
  readonly copier: PartitionCopier;
  /** Where a copy's frames lie until they are committed. */
  readonly spools: SpoolStore;
  /** Copies that run at a time. */
  readonly queue: FairQueue;
}

export interface LearnersOptions extends CopyMeans {
  /** The table's full name. */
  readonly table: string;
  readonly learn: AcceleratedTable["learn"];
  /** The version that is loaded of a partition at an epoch; 0 for none. */
  loadedVersion(key: string, epoch: number): number;
  readonly clock: Clock;
  readonly random: Random;
  /** A version was committed. */
  copied(key: string, header: CopiedVersion): void;
  /** A try failed, `failures` in a row; another follows. */
  failed(key: string, partition: AssignedPartition, error: unknown, failures: number): void;
}

interface Task {
  readonly partition: AssignedPartition;
  readonly stop: AbortController;
}

/** How often a learner asks the owner for a newer version. */
const followMs = 1_000;
const backoff = { baseMs: 500, maxMs: 10_000 } as const;

/**
 * Copies partitions of one table from their owners and follows them: each by itself, again and again until the
 * assignment changes (spec chapter 04, Moves).
 *
 *     asking ──newer──▶ copying ──▶ committed ──1 s──▶ asking
 *        └──failure: back-off, at most 10 s──▶ asking
 */
export class Learners {
  readonly #options: LearnersOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #running = new Set<Promise<void>>();
  readonly #confirmedMs = new Map<string, number>();

  constructor(options: LearnersOptions) {
    this.#options = options;
  }

  /**
   * From now on exactly these are learned; a copy for an assignment that changed is not committed any more. Gives those
   * that begin.
   */
  follow(wanted: ReadonlyMap<string, AssignedPartition>): { readonly key: string; readonly epoch: number }[] {
    const begun: { key: string; epoch: number }[] = [];
    for (const [key, { partition, stop }] of this.#tasks) {
      const now = wanted.get(key);
      if (now?.from === partition.from && now?.epoch === partition.epoch) continue;
      this.#tasks.delete(key);
      stop.abort(new Error(`The assignment of ${key} changed`));
    }
    for (const [key, partition] of wanted) {
      if (this.#tasks.has(key)) continue;
      const stop = new AbortController();
      this.#tasks.set(key, { partition, stop });
      begun.push({ key, epoch: partition.epoch });
      const running = this.#follow(key, partition, stop.signal).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    return begun;
  }

  /**
   * Milliseconds since the owner last confirmed that the copy here is its newest version; undefined for what was never
   * copied. Asked once, when the partition is learned no longer.
   */
  takeAge(key: string): number | undefined {
    const at = this.#confirmedMs.get(key);
    this.#confirmedMs.delete(key);
    return at === undefined ? undefined : this.#options.clock.monotonicMs() - at;
  }

  /** Stop everything; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.follow(new Map());
    await Promise.all(this.#running);
  }

  /** Never rejects: failures are told. */
  async #follow(key: string, partition: AssignedPartition, signal: AbortSignal): Promise<void> {
    const { clock, random, failed } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      let pauseMs = followMs;
      try {
        const askedAt = clock.monotonicMs();
        await this.#catchUp(key, partition, signal);
        this.#confirmedMs.set(key, askedAt);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        failed(key, partition, error, failures);
        pauseMs = backoffMs(failures, backoff, random.next());
      }
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Have the owner's newest version, whole. */
  async #catchUp(key: string, partition: AssignedPartition, signal: AbortSignal): Promise<void> {
    const { table, copier, spools, queue, learn, loadedVersion, copied } = this.#options;
    const { from, epoch } = partition;
    if (from === undefined) throw new TypeError(`Partition ${key} has no owner to learn from`);
    const end = await queue.acquire(table, signal);
    try {
      const haveVersion = loadedVersion(key, epoch);
      const spool = await spools.open("copy");
      try {
        let header: CopiedVersion | undefined;
        const files: string[] = [];
        for await (const part of copier.copy(from, { table, key, epoch, haveVersion }, signal)) {
          if (part.kind === "header") header = part.header;
          else files.push(await spool.write(part.bytes));
        }
        if (header === undefined) throw new Error(`The copy of ${key} of ${table} has no header`);
        if (header.version === haveVersion) return;
        await learn(partition, header, { files }, signal);
        copied(key, header);
      } finally {
        await spool.close();
      }
    } finally {
      end();
    }
  }
}
