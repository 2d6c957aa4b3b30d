import { StalePlanError } from "../../ports/exchange.ts";
import type { PartitionStore, PinnedRelations } from "../../ports/partition-store.ts";
import type { AcceleratedTable } from "./accelerated-table.ts";

/** All accelerated datasets of one executor, by full name. */
export class ExecutorPartitionStore implements PartitionStore {
  readonly #tables = new Map<string, AcceleratedTable>();

  /** Add an opened dataset. */
  add(table: AcceleratedTable): void {
    this.#tables.set(table.config.fullName, table);
  }

  /** Take a dataset out; the caller closes it. */
  remove(fullName: string): AcceleratedTable | undefined {
    const table = this.#tables.get(fullName);
    this.#tables.delete(fullName);
    return table;
  }

  get(fullName: string): AcceleratedTable | undefined {
    return this.#tables.get(fullName);
  }

  tables(): readonly AcceleratedTable[] {
    return [...this.#tables.values()];
  }

  pin(
    table: string,
    partitions: readonly { key: string; epoch: number; version: number }[],
  ): PinnedRelations {
    const held = this.#tables.get(table);
    if (held === undefined) throw new StalePlanError(`Table ${table} is not served here`);
    const relations: string[] = [];
    const releases: (() => void)[] = [];
    const revoked = new Set<AbortSignal>();
    const release = () => {
      for (const one of releases.splice(0)) one();
    };
    try {
      for (const { key, epoch, version } of partitions) {
        const pinned = held.pin(key, epoch, version);
        if (pinned === undefined) throw new StalePlanError(`Partition ${key} of ${table} is not served here`);
        releases.push(pinned.release);
        revoked.add(pinned.revoked);
        relations.push(...pinned.relations);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { relations, columns: held.columns, revoked, release };
  }

  /** See {@link AcceleratedTable.pinNewest}. Throws `StalePlanError` also for a table that is not served here. */
  pinNewest(table: string, key: string, epoch: number) {
    const held = this.#tables.get(table);
    if (held === undefined) throw new StalePlanError(`Table ${table} is not served here`);
    return held.pinNewest(key, epoch);
  }

  /** Close every dataset. */
  async close(): Promise<void> {
    const tables = [...this.#tables.values()];
    this.#tables.clear();
    for (const table of tables) await table.close();
  }
}
