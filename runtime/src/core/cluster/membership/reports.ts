import type { PartitionSizes } from "../assignment/assign.ts";
import type { ClusterDocument } from "../document/document.ts";
import type { PartitionReport } from "./messages.ts";

export interface TableReadiness {
  readonly name: string;
  /** Partitions of the table in the cluster document; 0 with `known` false before its first discovery. */
  readonly partitions: number;
  /** How many of them were loaded at least once. */
  readonly loaded: number;
  readonly known: boolean;
}

interface ExecutorReports {
  readonly instance: string;
  readonly tables: Map<string, Map<string, PartitionReport>>;
}

/**
 * What the executors reported of their partitions, as one scheduler knows it. A new instance of an executor voids
 * everything that the old one reported; that a partition was loaded once is remembered beyond that.
 */
export class ReportBook {
  readonly #executors = new Map<string, ExecutorReports>();
  readonly #loadedOnce = new Map<string, Set<string>>();

  /** An executor said hello. */
  joined(executor: string, instance: string): void {
    if (this.#executors.get(executor)?.instance === instance) return;
    this.#executors.set(executor, { instance, tables: new Map() });
  }

  /** An executor's report; ignored from an instance that is not the present one. */
  record(executor: string, instance: string, report: PartitionReport): void {
    const known = this.#executors.get(executor);
    if (known?.instance !== instance) return;
    entry(known.tables, report.table, () => new Map<string, PartitionReport>()).set(report.key, report);
    if (report.state === "loaded" || report.version > 0) {
      entry(this.#loadedOnce, report.table, () => new Set<string>()).add(report.key);
    }
  }

  /** The newest report of a partition; with `instance`, only when this very instance of the executor made it. */
  of(executor: string, table: string, key: string, instance?: string): PartitionReport | undefined {
    const known = this.#executors.get(executor);
    if (instance !== undefined && known?.instance !== instance) return undefined;
    return known?.tables.get(table)?.get(key);
  }

  /** Drop what is no longer in the document. Call after a new revision. */
  prune(document: ClusterDocument): void {
    for (const [table, keys] of this.#loadedOnce) {
      const partitions = document.accelerations[table]?.partitions;
      if (partitions === undefined) this.#loadedOnce.delete(table);
      else for (const key of keys) if (partitions.indexOfKey(key) < 0) keys.delete(key);
    }
    for (const { tables } of this.#executors.values()) {
      for (const [table, reports] of tables) {
        const partitions = document.accelerations[table]?.partitions;
        if (partitions === undefined) tables.delete(table);
        else for (const key of reports.keys()) if (partitions.indexOfKey(key) < 0) reports.delete(key);
      }
    }
    for (const executor of this.#executors.keys()) {
      if (document.executors[executor] === undefined) this.#executors.delete(executor);
    }
  }

  /** How many partitions of each of `tables` were loaded at least once. */
  readiness(document: ClusterDocument, tables: readonly string[]): TableReadiness[] {
    return tables.map((name) => {
      const partitions = document.accelerations[name]?.partitions;
      const keys = this.#loadedOnce.get(name) ?? new Set();
      let loaded = 0;
      for (const key of keys) if (partitions !== undefined && partitions.indexOfKey(key) >= 0) loaded += 1;
      return { name, partitions: partitions?.count ?? 0, loaded, known: partitions !== undefined };
    });
  }

  /** Rows and bytes of the partitions of a table as their owners report them, for the assignment's weights. */
  sizes(document: ClusterDocument, table: string): PartitionSizes {
    const partitions = document.accelerations[table]?.partitions;
    const find = (key: string): PartitionReport | undefined => {
      const index = partitions?.indexOfKey(key) ?? -1;
      const owner = index < 0 ? undefined : partitions!.owner(index);
      const report = owner === undefined ? undefined : this.of(owner, table, key);
      return report === undefined || report.version === 0 ? undefined : report;
    };
    return { rows: (key) => find(key)?.rows, bytes: (key) => find(key)?.bytes };
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
