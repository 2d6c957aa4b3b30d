import type { TableNeeds } from "../bound/table-needs.ts";
import { needsPredicate } from "../bound/to-predicate.ts";
import { chooseHolders, type HolderChoice } from "./choose-holders.ts";
import { disjointColumns } from "./disjoint-columns.ts";
import type { TableRead } from "./distributed-plan.ts";
import type { PlanScan } from "./plan-scan.ts";
import type { Prune, Pruned } from "./prune.ts";
import type { TableUse } from "./resolve.ts";

/** What a statement reads of which table, and who serves it: fixed once for the whole query. */
export interface TableReads {
  readonly uses: readonly UseRead[];
  readonly executors: readonly string[];
  readonly partitionsTotal: number;
  readonly partitionsRead: number;
}

/**
 * Prune every use of a table, and choose who serves the partitions that are left.
 *
 * @param needs by use; absent when the engine could not plan the statement over empty tables: then all is needed.
 * @throws UnassignedPartitionsError when a needed partition has no holder.
 */
export function readTables(
  uses: readonly TableUse[],
  needs: ReadonlyMap<number, TableNeeds> | undefined,
  prune: Prune,
  prefix: string,
): TableReads {
  const needed = uses.map((use) => needsOf(needs, use));
  const pruned = uses.map((use, i) => pruneUse(use, needed[i] as TableNeeds, prune));
  const tables = neededPartitions(uses, pruned);
  const choice = chooseHolders(tables);
  const reads = uses.map(
    (use, i) => new UseRead(use, needed[i] as TableNeeds, pruned[i] as Pruned, choice, prefix),
  );
  return {
    uses: reads,
    executors: [...new Set(reads.flatMap((read) => read.executors))].sort(),
    partitionsTotal: tables.reduce((sum, { table }) => sum + table.partitions.length, 0),
    partitionsRead: tables.reduce((sum, { partitions }) => sum + partitions.size, 0),
  };
}

function needsOf(needs: ReadonlyMap<number, TableNeeds> | undefined, use: TableUse): TableNeeds {
  if (needs === undefined) {
    return { columns: use.table.columns.map((_, i) => i), filters: [[]] };
  }
  return needs.get(use.index) ?? { columns: [], filters: [] };
}

function pruneUse({ table }: TableUse, { filters }: TableNeeds, prune: Prune): Pruned {
  if (filters.length === 0) return { kept: [], reason: "the answer does not depend on its rows" };
  const columns = table.columns.map(({ name }) => name);
  return prune(table, needsPredicate(filters, columns));
}

function neededPartitions(uses: readonly TableUse[], pruned: readonly Pruned[]) {
  const tables = new Map<string, { table: TableUse["table"]; partitions: Set<number> }>();
  uses.forEach(({ table }, i) => {
    const entry = tables.get(table.fullName) ?? { table, partitions: new Set<number>() };
    for (const index of pruned[i]?.kept ?? []) entry.partitions.add(index);
    tables.set(table.fullName, entry);
  });
  return [...tables.values()];
}

/** One use of a table with the partitions that it reads and who serves them. */
export class UseRead {
  readonly use: TableUse;
  readonly needs: TableNeeds;
  readonly scanName: string;
  readonly executors: readonly string[];
  /** Columns whose equal values are all on one executor. */
  readonly disjoint: ReadonlySet<string>;
  readonly #byExecutor = new Map<string, PlanScan["partitions"][number][]>();
  readonly #pruned: Pruned;

  constructor(use: TableUse, needs: TableNeeds, pruned: Pruned, choice: HolderChoice, prefix: string) {
    this.use = use;
    this.needs = needs;
    this.scanName = `${prefix}scan_${use.index}`;
    this.#pruned = pruned;
    const holders = choice.get(use.table.fullName);
    for (const index of pruned.kept) {
      const holder = holders?.get(index);
      const partition = use.table.partitions[index];
      if (holder === undefined || partition === undefined) continue;
      const list = this.#byExecutor.get(holder.executor) ?? [];
      list.push({ key: partition.key, epoch: holder.epoch, version: holder.version });
      this.#byExecutor.set(holder.executor, list);
    }
    this.executors = [...this.#byExecutor.keys()].sort();
    this.disjoint = disjointColumns(use.table, (index) => holders?.get(index)?.executor);
  }

  /** Positions of the partitions that are read. */
  get partitions(): readonly number[] {
    return this.#pruned.kept;
  }

  get summary(): TableRead {
    const { table } = this.use;
    return {
      table: table.name,
      partitionsTotal: table.partitions.length,
      partitionsRead: this.#pruned.kept.length,
      reason: this.#pruned.reason,
    };
  }

  scanOn(executor: string): PlanScan {
    const { fullName, revision } = this.use.table;
    return {
      name: this.scanName,
      table: fullName,
      revision,
      partitions: this.#byExecutor.get(executor) ?? [],
    };
  }
}
