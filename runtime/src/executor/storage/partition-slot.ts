import type { HoldRole } from "../../core/cluster/membership/messages.ts";
import type { AcceleratorTable, PartitionValues, TableVersion } from "../../ports/accelerator.ts";
import { StalePlanError } from "../../ports/exchange.ts";
import { partitionKey } from "./dataset-config.ts";

/** What one partition is at this executor, for heartbeats and status. */
export interface PartitionState {
  readonly key: string;
  readonly values: PartitionValues;
  readonly epoch: number;
  /** A learner's partition is loaded and never queried; only an owner's is refreshed. */
  readonly role: HoldRole;
  /** False until the first load finished: then nothing of it may be queried. */
  readonly loaded: boolean;
  readonly version: number;
  readonly rows: number;
  readonly bytes: number;
  readonly watermark: string | null;
  readonly statistics: TableVersion["statistics"];
}

interface Retired {
  readonly version: TableVersion;
  pins: number;
  /** Monotonic time at which it was last used. */
  idleSince: number;
}

/**
 * One partition: its table, the version in service, and the older versions that queries still read.
 *
 * current ──swap──▶ retired (pinned) ──last release──▶ idle ──grace──▶ discarded
 */
export class PartitionSlot {
  readonly key: string;
  readonly values: PartitionValues;
  readonly table: AcceleratorTable;
  epoch: number;
  role: HoldRole;
  loaded: boolean;
  #current: TableVersion;
  #pins = 0;
  #retired: Retired[] = [];
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: {
    values: PartitionValues;
    table: AcceleratorTable;
    epoch: number;
    role: HoldRole;
    loaded: boolean;
  }) {
    this.key = partitionKey(options.values);
    this.role = options.role;
    this.values = options.values;
    this.table = options.table;
    this.epoch = options.epoch;
    this.loaded = options.loaded;
    this.#current = options.table.current;
  }

  get current(): TableVersion {
    return this.#current;
  }

  get pinned(): boolean {
    return this.#pins > 0 || this.#retired.some((r) => r.pins > 0);
  }

  get hasRetired(): boolean {
    return this.#retired.length > 0;
  }

  state(): PartitionState {
    const { version, rows, bytes, watermark, statistics } = this.#current;
    return {
      key: this.key,
      values: this.values,
      epoch: this.epoch,
      role: this.role,
      loaded: this.loaded,
      version,
      rows,
      bytes,
      watermark,
      statistics,
    };
  }

  /** Writes on the table, one after another. */
  serial<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.then(
      () => undefined,
      () => undefined, // The caller of `serial` has the failure.
    );
    return turn;
  }

  /** Put a new version into service. Readers of the old one keep it. */
  swap(version: TableVersion, now: number): void {
    this.loaded = true;
    if (version.version === this.#current.version) {
      this.#current = version;
      return;
    }
    this.#retired.push({ version: this.#current, pins: this.#pins, idleSince: now });
    this.#pins = 0;
    this.#current = version;
  }

  /** Hold a version; gives it and what to call when it is no longer read. Throws `StalePlanError`. */
  pin(epoch: number, version: number, now: () => number): { version: TableVersion; release: () => void } {
    if (this.role === "learner") throw new StalePlanError(`Partition ${this.key} is only being learned here`);
    if (!this.loaded) throw new StalePlanError(`Partition ${this.key} is not loaded here`);
    // A higher one too: whoever was told of it owns the partition, and this executor has not been told.
    if (epoch !== this.epoch) {
      throw new StalePlanError(`Partition ${this.key} has epoch ${this.epoch} here, the plan says ${epoch}`);
    }
    const retired = this.#retired.find((r) => r.version.version === version);
    if (version !== this.#current.version && retired === undefined) {
      throw new StalePlanError(
        `Partition ${this.key} has version ${this.#current.version} here, the plan says ${version}`,
      );
    }
    const pinned = retired?.version ?? this.#current;
    if (retired === undefined) this.#pins++;
    else retired.pins++;
    let held = true;
    return {
      version: pinned,
      release: () => {
        if (!held) return;
        held = false;
        const old = this.#retired.find((r) => r.version.version === version);
        if (old === undefined) this.#pins--;
        else {
          old.pins--;
          old.idleSince = now();
        }
      },
    };
  }

  /** Drop the old versions that nobody has read for `graceMs`; those that cannot be dropped stay for the next time. */
  async reap(now: number, graceMs: number): Promise<void> {
    const idle = this.#retired.filter((r) => r.pins === 0 && now - r.idleSince >= graceMs);
    if (idle.length === 0) return;
    this.#retired = this.#retired.filter((r) => !idle.includes(r));
    await this.serial(async () => {
      while (idle.length > 0) {
        try {
          await this.table.discard(idle[0]!.version, [this.#current, ...this.#retired.map((r) => r.version)]);
        } catch (error) {
          // As on a full disk: their room would be lost until the next start.
          this.#retired.push(...idle);
          throw error;
        }
        idle.shift();
      }
    });
  }
}

/** Work on the tables of all `slots`, alone on each of them. Slots are in at most one such work at a time. */
export async function serialOfAll<T>(slots: readonly PartitionSlot[], work: () => Promise<T>): Promise<T> {
  const over = Promise.withResolvers<void>();
  const entered = slots.map((slot) => {
    const turn = Promise.withResolvers<void>();
    void slot.serial(() => {
      turn.resolve();
      return over.promise;
    });
    return turn.promise;
  });
  try {
    await Promise.all(entered);
    return await work();
  } finally {
    over.resolve();
  }
}
