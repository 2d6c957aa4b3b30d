import type { PartitionEditor, PartitionSet } from "../document/partition-set.ts";
import { LoadHeap } from "./load-heap.ts";

/** What is known of the size of a table's partitions; `undefined` where it is not known. */
export interface PartitionSizes {
  rows(key: string): number | undefined;
  bytes(key: string): number | undefined;
}

/** One table as the assignment sees it. All tables take part in the load, also those that get nothing. */
export interface AssignTable {
  readonly name: string;
  readonly partitions: PartitionSet;
  readonly discoveredAtMs: number;
  /**
   * `fill`: unassigned partitions may be placed; `seed`: the same, not counted against the interval's cap (a first
   * seeding); `hold`: this table gets nothing in this run.
   */
  readonly mode: "fill" | "seed" | "hold";
  /** Tables with the same text place equal values together (see {@link colocationKey}). */
  readonly colocation?: string;
  readonly sizes?: PartitionSizes;
}

export interface AssignInput {
  readonly tables: readonly AssignTable[];
  /** Executors that may receive partitions, in any order. */
  readonly executors: readonly string[];
  /** `max_partitions_per_executor`. */
  readonly maxPerExecutor: number;
  /** `max_partition_assignments_per_interval`, or Infinity for an uncapped run. */
  readonly maxAssignments: number;
  /** First epoch of a partition that never had an owner: the revision of the write. */
  readonly firstEpoch: number;
  readonly nowMs: number;
}

export interface AssignResult {
  /** The sets that changed, by table. */
  readonly changed: ReadonlyMap<string, PartitionSet>;
  readonly assigned: ReadonlyMap<string, number>;
  /** Partitions that could have been placed and were not, for want of executors or capacity. */
  readonly warnings: readonly AssignmentWarning[];
}

export type AssignmentWarningText = "All executors at capacity" | "No suitable executor found for partition";

export interface AssignmentWarning {
  readonly text: AssignmentWarningText;
  readonly table: string;
  readonly partitions: number;
}

interface Candidates {
  readonly table: AssignTable;
  readonly indexes: number[];
}

/**
 * Soft-balanced sticky fill (spec chapter 04, Assign). Owned partitions stay where they are; each unassigned one goes to
 * the executor that has an equal bucket of a co-located table where balance allows it, else to the least loaded: at
 * equal weights nobody who gets one ends more than one above the least loaded. The newest partitions are placed when
 * there is not room for all. Pure and deterministic: equal input gives equal output.
 */
export function assign(input: AssignInput): AssignResult {
  const executors = [...new Set(input.executors)].sort();
  const { selected, left } = selectCandidates(input, executors);
  const warnings = [...left].map(
    ([table, partitions]): AssignmentWarning => ({
      text: executors.length === 0 ? "No suitable executor found for partition" : "All executors at capacity",
      table,
      partitions,
    }),
  );
  const changed = new Map<string, PartitionSet>();
  const assigned = new Map<string, number>();
  if (selected.length === 0) return { changed, assigned, warnings };

  const place = new Map(executors.map((id, i) => [id, i]));
  const load = new Float64Array(executors.length);
  const counts = new Int32Array(executors.length);
  const weights = weigh(input.tables);
  for (const table of input.tables) countLoad(table, weights, place, load, counts);
  const open = executors.map((_, i) => i).filter((i) => counts[i]! < input.maxPerExecutor);
  const neighbours = new Neighbours(input.tables);

  for (const { table, indexes } of selected) {
    const { partitions } = table;
    const tableCounts = new Int32Array(executors.length);
    for (const [id, count] of partitions.ownedCounts()) {
      const i = place.get(id);
      if (i !== undefined) tableCounts[i] = count;
    }
    const members = open.filter((i) => counts[i]! < input.maxPerExecutor);
    const heap = new LoadHeap(load, tableCounts, members);
    const weight = (index: number) => weights.of(table, index);
    // Heavy ones first: the light ones then even out what is left. The sort is stable, so equal weights keep
    // the newest first.
    if (table.sizes !== undefined) indexes.sort((a, b) => weight(b) - weight(a));
    const edit = partitions.edit();
    const give = (index: number, target: number) => {
      edit.assign(index, executors[target]!, input.firstEpoch, input.nowMs);
      heap.add(target, weight(index));
      counts[target]! += 1;
      if (counts[target]! >= input.maxPerExecutor) heap.remove(target);
    };
    const beside = neighbours.places(table, place);
    const near = (index: number) => {
      const at = beside?.[index] ?? -1;
      return at >= 0 && heap.has(at) ? at : undefined;
    };
    let rest = indexes;
    if (beside !== undefined) {
      // What all can be filled to with these; up to there everybody is filled anyway.
      const incoming = indexes.reduce((sum, index) => sum + weight(index), 0);
      const level = waterLevel(load, members, incoming);
      rest = indexes.filter((index) => {
        const at = near(index);
        if (at === undefined || load[at]! + weight(index) > level + rounding) return true;
        give(index, at);
        return false;
      });
    }
    for (const index of rest) {
      const least = heap.least();
      const at = near(index);
      give(index, at !== undefined && load[at]! <= load[least]! + rounding ? at : least);
    }
    finish(table, edit, indexes.length);
  }
  return { changed, assigned, warnings };

  function finish(table: AssignTable, edit: PartitionEditor, count: number): void {
    const set = edit.build();
    changed.set(table.name, set);
    assigned.set(table.name, count);
    neighbours.update(table, set);
  }
}

/**
 * The text that two tables share when equal buckets belong together: the same number of buckets of one column.
 * By which type the keys hash is known only once somebody has loaded them, and matters to joins alone: to lie together
 * without need harms nothing, since balance comes first. Undefined for tables that do not qualify.
 */
export function colocationKey(expressions: readonly string[]): string | undefined {
  const bucket = /^bucket\(\s*(\d+)\s*,/i.exec(expressions[0] ?? "");
  return expressions.length === 1 && bucket !== null ? `bucket(${bucket[1]})` : undefined;
}

/** Sums of weights differ by this much at most from what they are. */
const rounding = 1e-9;

/** The load up to which `incoming` fills those of `members` that have less. */
function waterLevel(load: Float64Array, members: readonly number[], incoming: number): number {
  const loads = members.map((i) => load[i]!).sort((a, b) => a - b);
  let sum = incoming;
  let level = 0;
  for (let n = 0; n < loads.length && (n === 0 || loads[n]! < level); n += 1) {
    sum += loads[n]!;
    level = sum / (n + 1);
  }
  return level;
}

/** Which unassigned partitions are placed: newest first, as many as the cap and the free places allow. */
function selectCandidates(input: AssignInput, executors: readonly string[]) {
  const owned = new Map<string, number>();
  for (const table of input.tables) {
    for (const [id, count] of table.partitions.ownedCounts()) owned.set(id, (owned.get(id) ?? 0) + count);
  }
  let free = 0;
  for (const id of executors) free += Math.max(0, input.maxPerExecutor - (owned.get(id) ?? 0));
  let capped = input.maxAssignments;
  const lists = input.tables
    .filter((table) => table.mode !== "hold")
    .map((table) => ({ table, indexes: unassignedDescending(table.partitions) }))
    .filter(({ indexes }) => indexes.length > 0)
    .sort(
      (a, b) => b.table.discoveredAtMs - a.table.discoveredAtMs || compareText(a.table.name, b.table.name),
    );
  const selected: Candidates[] = lists.map(({ table }) => ({ table, indexes: [] }));
  const left = new Map<string, number>();
  for (const [from, to] of groupsOfEqualTime(lists.map(({ table }) => table.discoveredAtMs))) {
    const group = lists.slice(from, to);
    const needed = group.reduce((sum, { indexes }) => sum + indexes.length, 0);
    const seeds = group.every(({ table }) => table.mode === "seed");
    if (group.length === 1 || (needed <= free && (seeds || needed <= capped))) {
      // No choice to make between tables: take them whole, table by table.
      group.forEach(({ table, indexes }, g) => {
        for (const index of indexes) take(table, from + g, index);
      });
    } else {
      const heads = group.map(() => 0);
      for (let n = 0; n < needed; n += 1) {
        let best = -1;
        for (let g = 0; g < group.length; g += 1) {
          if (heads[g]! >= group[g]!.indexes.length) continue;
          if (best < 0 || compareHeads(group, heads, g, best) > 0) best = g;
        }
        const { table, indexes } = group[best]!;
        take(table, from + best, indexes[heads[best]!]!);
        heads[best]! += 1;
      }
    }
  }
  return { selected: selected.filter(({ indexes }) => indexes.length > 0), left };

  function take(table: AssignTable, list: number, index: number): void {
    if (table.mode !== "seed" && capped <= 0) return;
    if (free <= 0) {
      left.set(table.name, (left.get(table.name) ?? 0) + 1);
      return;
    }
    free -= 1;
    if (table.mode !== "seed") capped -= 1;
    selected[list]!.indexes.push(index);
  }
}

function compareHeads(group: readonly Candidates[], heads: readonly number[], a: number, b: number): number {
  const one = group[a]!;
  const two = group[b]!;
  return one.table.partitions.values.compare(
    one.indexes[heads[a]!]!,
    two.table.partitions.values,
    two.indexes[heads[b]!]!,
  );
}

/** Partitions to place: without an owner, and without a learner that is about to become it. */
function unassignedDescending(set: PartitionSet): number[] {
  const { owners } = set.columns;
  const indexes: number[] = [];
  for (let i = owners.length - 1; i >= 0; i -= 1) {
    if (owners[i]! < 0 && set.learners(i).length === 0) indexes.push(i);
  }
  return indexes;
}

function groupsOfEqualTime(times: readonly number[]): [number, number][] {
  const groups: [number, number][] = [];
  times.forEach((time, i) => {
    if (i > 0 && times[i - 1] === time) groups[groups.length - 1]![1] = i + 1;
    else groups.push([i, i + 1]);
  });
  return groups;
}

/** The load of a partition: 1 on average, from its count, rows and bytes where they are known. */
interface Weights {
  of(table: AssignTable, index: number): number;
}

function weigh(tables: readonly AssignTable[]): Weights {
  let rows = 0;
  let withRows = 0;
  let bytes = 0;
  let withBytes = 0;
  for (const { partitions, sizes } of tables) {
    if (sizes === undefined) continue;
    for (let i = 0; i < partitions.count; i += 1) {
      const key = partitions.key(i);
      const r = sizes.rows(key);
      const b = sizes.bytes(key);
      if (r !== undefined) {
        rows += r;
        withRows += 1;
      }
      if (b !== undefined) {
        bytes += b;
        withBytes += 1;
      }
    }
  }
  const meanRows = rows / withRows;
  const meanBytes = bytes / withBytes;
  return {
    of({ partitions, sizes }, index) {
      if (sizes === undefined) return 1;
      const key = partitions.key(index);
      const r = sizes.rows(key);
      const b = sizes.bytes(key);
      const byRows = r === undefined || !(meanRows > 0) ? 1 : r / meanRows;
      const byBytes = b === undefined || !(meanBytes > 0) ? 1 : b / meanBytes;
      return (1 + byRows + byBytes) / 3;
    },
  };
}

function countLoad(
  table: AssignTable,
  weights: Weights,
  place: ReadonlyMap<string, number>,
  load: Float64Array,
  counts: Int32Array,
): void {
  const { executors, owners } = table.partitions.columns;
  const places = executors.map((id) => place.get(id) ?? -1);
  for (let i = 0; i < owners.length; i += 1) {
    const owner = owners[i]!;
    const at = owner < 0 ? -1 : places[owner]!;
    if (at < 0) continue;
    load[at]! += weights.of(table, i);
    counts[at]! += 1;
  }
}

/** Finds the owner of the same value in the tables that a table is co-located with. */
class Neighbours {
  readonly #groups = new Map<string, Map<string, PartitionSet>>();

  constructor(tables: readonly AssignTable[]) {
    for (const table of tables) this.update(table, table.partitions);
  }

  update(table: AssignTable, set: PartitionSet): void {
    if (table.colocation === undefined) return;
    let group = this.#groups.get(table.colocation);
    if (group === undefined) {
      group = new Map();
      this.#groups.set(table.colocation, group);
    }
    group.set(table.name, set);
  }

  /** For each partition the place of the executor that has its like, or −1; undefined when there is none at all. */
  places(table: AssignTable, place: ReadonlyMap<string, number>): Int32Array | undefined {
    if (table.colocation === undefined) return undefined;
    const group = this.#groups.get(table.colocation)!;
    if (group.size < 2) return undefined;
    const found = new Int32Array(table.partitions.count).fill(-1);
    for (const [name, set] of group) {
      if (name === table.name) continue;
      const { executors, owners } = set.columns;
      const places = executors.map((id) => place.get(id) ?? -1);
      const at = set.values.locate(table.partitions.values);
      for (let i = 0; i < found.length; i += 1) {
        const owner = at[i]! < 0 ? -1 : owners[at[i]!]!;
        if (found[i]! < 0 && owner >= 0) found[i] = places[owner]!;
      }
    }
    return found;
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
