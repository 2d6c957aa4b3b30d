import type { CatalogTable, PartitionHolder } from "../catalog.ts";

/** Some partitions that a query needs are served by nobody: there is no partial answer. */
export class UnassignedPartitionsError extends Error {
  override readonly name = "UnassignedPartitionsError";
  readonly count: number;
  /** True when each of them is about to be served: the same query may succeed in a moment. */
  readonly awaited: boolean;
  constructor(count: number, awaited = false) {
    super(`Cannot execute query: ${count} partition(s) not assigned to any executor`);
    this.count = count;
    this.awaited = awaited;
  }
}

export interface NeededPartitions {
  readonly table: CatalogTable;
  /** Indexes into the table's partitions. */
  readonly partitions: ReadonlySet<number>;
}

/** For each table (by full name), the holder that serves each needed partition: one for the whole query. */
export type HolderChoice = ReadonlyMap<string, ReadonlyMap<number, PartitionHolder>>;

/**
 * Choose who serves each needed partition such that few executors are asked: one where one has everything, else
 * those that have most of what is left. Deterministic.
 * @throws UnassignedPartitionsError when a needed partition has no holder.
 */
export function chooseHolders(needed: readonly NeededPartitions[]): HolderChoice {
  const items: { table: string; index: number; holders: readonly PartitionHolder[] }[] = [];
  let [unassigned, awaited] = [0, 0];
  for (const { table, partitions } of needed) {
    for (const index of partitions) {
      const partition = table.partitions[index];
      const holders = partition?.holders ?? [];
      if (holders.length === 0) unassigned += 1;
      if (holders.length === 0 && partition?.awaited === true) awaited += 1;
      items.push({ table: table.fullName, index, holders });
    }
  }
  if (unassigned > 0) throw new UnassignedPartitionsError(unassigned, awaited === unassigned);
  const choice = new Map<string, Map<number, PartitionHolder>>();
  const assign = (item: (typeof items)[number], holder: PartitionHolder) => {
    const partitions = choice.get(item.table) ?? new Map<number, PartitionHolder>();
    choice.set(item.table, partitions.set(item.index, holder));
  };
  // Who alone holds a partition is asked anyway, so it serves whatever else it has.
  const asked = new Set(items.flatMap(({ holders }) => (holders.length === 1 ? [holders[0]?.executor] : [])));
  let open: typeof items = [];
  for (const item of items) {
    const holder = item.holders.find(({ executor }) => asked.has(executor));
    if (holder === undefined) open.push(item);
    else assign(item, holder);
  }
  while (open.length > 0) {
    const best = mostHeld(open.map(({ holders }) => holders));
    const rest: typeof items = [];
    for (const item of open) {
      const holder = item.holders.find(({ executor }) => executor === best);
      if (holder === undefined) rest.push(item);
      else assign(item, holder);
    }
    open = rest;
  }
  return choice;
}

/** The executor that holds most; among equals the one that owns most, then the first by name. */
function mostHeld(items: readonly (readonly PartitionHolder[])[]): string {
  const scores = new Map<string, number>();
  for (const holders of items) {
    holders.forEach(({ executor }, position) => {
      scores.set(executor, (scores.get(executor) ?? 0) + 1 + (position === 0 ? 1e-9 : 0));
    });
  }
  let best = "";
  for (const [executor, score] of [...scores].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (best === "" || score > (scores.get(best) ?? 0)) best = executor;
  }
  return best;
}
