import type { ExecutorSession } from "../../src/core/cluster/membership/executor-session.ts";
import type {
  HeldPartition,
  PartitionReport,
  TableAssignment,
} from "../../src/core/cluster/membership/messages.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** What goes wrong when partitions are loaded; shared by all executors of a run. */
export interface LoadFaults {
  /** A load from the source fails with this probability. */
  failing: number;
}

interface Load {
  /** 0: nothing yet. */
  version: number;
  from: string | undefined;
  role: HeldPartition["role"];
}

interface PartitionLoadsOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly session: ExecutorSession;
  readonly faults: LoadFaults;
  /** The version that the owner serves; undefined when it cannot be reached or has none. */
  readonly copy: (owner: string, table: string, key: string) => number | undefined;
  readonly report: (report: PartitionReport) => void;
}

/**
 * The data of an executor, as far as moves see it: versions. A learner copies its owner's and follows it; without an
 * owner, and as an owner, it loads from the source; an owner refreshes now and then.
 */
export class PartitionLoads {
  readonly #options: PartitionLoadsOptions;
  readonly #loads = new Map<string, Load>();

  constructor(options: PartitionLoadsOptions) {
    this.#options = options;
  }

  /** The version that this process has of a partition; 0 for none. */
  version(table: string, key: string): number {
    return this.#loads.get(`${table} ${key}`)?.version ?? 0;
  }

  /** What a learner would copy now. */
  servedVersion(table: string, key: string): number | undefined {
    const { process, session } = this.#options;
    if (!process.running || !session.servesPartition(table, key, process.clock.monotonicMs()))
      return undefined;
    return this.version(table, key) || undefined;
  }

  /** Bring the data to an assignment. */
  hold({ table, partitions }: TableAssignment, free: readonly string[]): void {
    for (const key of free) this.#loads.delete(`${table} ${key}`);
    for (const { key, role, from } of partitions) {
      const known = this.#loads.get(`${table} ${key}`);
      if (known !== undefined) {
        known.role = role;
        known.from = from;
        continue;
      }
      const load: Load = { version: 0, from, role };
      this.#loads.set(`${table} ${key}`, load);
      this.#later(table, key, load, this.#options.world.random.between(50, 2_000));
    }
  }

  #later(table: string, key: string, load: Load, ms: number): void {
    this.#options.process.after(ms, () => {
      // What was freed since is not loaded any more.
      if (this.#loads.get(`${table} ${key}`) === load) this.#step(table, key, load);
    });
  }

  #step(table: string, key: string, load: Load): void {
    const { world, process, session, faults, copy } = this.#options;
    if (session.replaced) return;
    if (load.role === "learner" && load.from !== undefined) {
      const version = copy(load.from, table, key);
      if (version !== undefined && version > load.version) this.#loaded(table, key, load, version);
      this.#later(table, key, load, 1_000);
      return;
    }
    const first = load.version === 0;
    // A refresh needs the lease; the first load does not.
    if (first && world.random.chance(faults.failing)) {
      this.#report(table, key, "failed", 0);
      this.#later(table, key, load, world.random.between(500, 2_000));
      return;
    }
    if (first || (load.role === "owner" && session.mayServe(process.clock.monotonicMs()))) {
      this.#loaded(table, key, load, load.version + 1);
    }
    this.#later(table, key, load, world.random.between(10_000, 40_000));
  }

  #loaded(table: string, key: string, load: Load, version: number): void {
    load.version = version;
    this.#report(table, key, "loaded", version);
  }

  #report(table: string, key: string, state: PartitionReport["state"], version: number): void {
    const held = this.#options.session.held(table, key);
    if (held === undefined) return;
    const { epoch } = held;
    this.#options.report({ table, key, epoch, state, version, rows: version * 10, bytes: version * 100 });
  }
}
