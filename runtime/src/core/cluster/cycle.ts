import {
  type AssignmentWarning,
  type AssignTable,
  assign,
  colocationKey,
  type PartitionSizes,
} from "./assignment/assign.ts";
import { sameExpressions } from "./assignment/changed-partitioning.ts";
import { type Absences, applyDiscovery } from "./assignment/diff.ts";
import { CLUSTER_SCHEMA_VERSION, type ClusterDocument, type TableEntry } from "./document/document.ts";
import { PartitionSet } from "./document/partition-set.ts";
import type { PartitionValues } from "./document/partition-values.ts";

/** The settings of `runtime.scheduler` that the assignment obeys. */
export interface AssignmentSettings {
  readonly maxPartitionsPerExecutor: number;
  readonly maxPartitionAssignmentsPerInterval: number;
}

/** What one successful discovery of a table found. */
export interface Discovery {
  readonly values: PartitionValues;
  readonly discoveredAtMs: number;
  /** Values that were absent from this discovery and from the one before (`diffDiscovery`). */
  readonly removable: Absences;
}

/** An accelerated table of the spicepod in force. */
export interface CycleTable {
  /** Fully resolved name. */
  readonly name: string;
  /** Canonical prints of its partition expressions. */
  readonly expressions: readonly string[];
  /** `rebuild`: a table in memory, made anew when its expressions change. `keep`: the old layout stays. */
  readonly onChangedExpressions: "keep" | "rebuild";
  /** Absent: assign from what the document has. */
  readonly discovery?: Discovery;
}

export interface CycleInput {
  /** Every table of the spicepod; those that are not here lose their place in the document when `complete`. */
  readonly tables: readonly CycleTable[];
  /** Only these get partitions in this cycle; undefined: all. */
  readonly only?: ReadonlySet<string>;
  /** `tables` is the whole spicepod in force: remove other tables from the document. */
  readonly complete: boolean;
  /** Executors heard lately; of them, those that are active in the document get partitions. */
  readonly liveExecutors: readonly string[];
  /** Enough executors are there for a first seeding (see {@link maySeed}). */
  readonly seeding: boolean;
  readonly capped: boolean;
  readonly settings: AssignmentSettings;
  readonly sizes?: (document: ClusterDocument, table: string) => PartitionSizes | undefined;
  readonly nowMs: number;
}

export interface CycleReport {
  readonly added: number;
  readonly removed: number;
  /** Newly assigned partitions, by table. */
  readonly assigned: ReadonlyMap<string, number>;
  readonly warnings: readonly AssignmentWarning[];
  /** Tables whose spicepod expressions differ from the recorded ones and that keep the recorded ones. */
  readonly changedExpressions: readonly string[];
  /** Tables that wait for more executors before their first seeding. */
  readonly waiting: readonly string[];
}

/**
 * One reconcile cycle as a pure change of the document (spec chapter 04, Assignment, steps 2 to 4): apply what was
 * discovered, remove what is gone, assign what has no owner. Returns the same document when nothing is to do.
 */
export function planCycle(
  document: ClusterDocument,
  input: CycleInput,
): { readonly document: ClusterDocument; readonly result: CycleReport } {
  const changedExpressions: string[] = [];
  const waiting: string[] = [];
  let added = 0;
  let removed = 0;
  const entries: Record<string, TableEntry> = {};
  const known = new Map(input.tables.map((table) => [table.name, table]));
  for (const [name, entry] of Object.entries(document.accelerations)) {
    if (known.has(name) || !input.complete) entries[name] = entry;
    else removed += entry.partitions.count;
  }
  const assignable: AssignTable[] = [];
  for (const table of input.tables) {
    const entry = entries[table.name];
    const changed = entry !== undefined && !sameExpressions(entry.partition_expressions, table.expressions);
    if (changed && table.onChangedExpressions === "keep") changedExpressions.push(table.name);
    const next = changed && table.onChangedExpressions === "keep" ? entry : discovered(entry, table, changed);
    if (next === undefined) continue;
    const kept = keptCount(entry, next);
    added += next.partitions.count - kept;
    removed += (entry?.partitions.count ?? 0) - kept;
    entries[table.name] = next;
  }
  for (const [name, entry] of Object.entries(entries)) {
    const table = known.get(name);
    const fresh = entry.partitions.unassignedCount() === entry.partitions.count && neverAssigned(entry);
    const asked = table !== undefined && input.only?.has(name) !== false;
    if (asked && fresh && !input.seeding && entry.partitions.count > 0) waiting.push(name);
    const sizes = input.sizes?.(document, name);
    const colocation = colocationKey(entry.partition_expressions);
    assignable.push({
      name,
      partitions: entry.partitions,
      discoveredAtMs: entry.discovered_at_ms,
      mode: !asked ? "hold" : !fresh ? "fill" : input.seeding ? "seed" : "hold",
      ...(colocation === undefined ? {} : { colocation }),
      ...(sizes === undefined ? {} : { sizes }),
    });
  }
  const live = new Set(input.liveExecutors);
  const { changed, assigned, warnings } = assign({
    tables: assignable,
    executors: Object.keys(document.executors).filter(
      (id) => live.has(id) && document.executors[id]!.state === "active",
    ),
    maxPerExecutor: input.settings.maxPartitionsPerExecutor,
    maxAssignments: input.capped
      ? input.settings.maxPartitionAssignmentsPerInterval
      : Number.POSITIVE_INFINITY,
    firstEpoch: document.revision + 1,
    nowMs: input.nowMs,
  });
  for (const [name, partitions] of changed) entries[name] = { ...entries[name]!, partitions };
  const result: CycleReport = { added, removed, assigned, warnings, changedExpressions, waiting };
  const same =
    Object.keys(entries).length === Object.keys(document.accelerations).length &&
    Object.entries(entries).every(([name, entry]) => document.accelerations[name] === entry);
  return { document: same ? document : { ...document, accelerations: entries }, result };
}

/** A first seeding may start: the expected executors have joined, or some have and no other came for 5 s. */
export function maySeed(live: number, quietForMs: number, expected: number | undefined): boolean {
  if (live === 0) return false;
  return (expected !== undefined && live >= expected) || quietForMs >= SEED_QUIET_MS;
}

const SEED_QUIET_MS = 5_000;

/** True once every one of `tables` was discovered and seeded: until then an executor waits for its first allocation. */
export function firstCycleDone(document: ClusterDocument, tables: readonly string[]): boolean {
  return tables.every((name) => {
    const entry = document.accelerations[name];
    return entry !== undefined && (entry.partitions.count === 0 || !neverAssigned(entry));
  });
}

function discovered(
  entry: TableEntry | undefined,
  table: CycleTable,
  rebuild: boolean,
): TableEntry | undefined {
  const { discovery } = table;
  if (discovery === undefined) return rebuild ? undefined : entry;
  if (entry !== undefined && !rebuild) {
    const partitions = applyDiscovery(entry.partitions, discovery.values, discovery.removable);
    if (partitions === entry.partitions) return entry;
    return { ...entry, partitions, discovered_at_ms: discovery.discoveredAtMs };
  }
  return {
    ...entry,
    table_name: table.name,
    schema_version: CLUSTER_SCHEMA_VERSION,
    revision: 0,
    updated_at: 0,
    discovered_at_ms: discovery.discoveredAtMs,
    partition_expressions: table.expressions,
    partitions: PartitionSet.fresh(discovery.values),
  };
}

/** How many partitions of `next` were in `entry` under the same value. */
function keptCount(entry: TableEntry | undefined, next: TableEntry): number {
  if (entry === undefined || entry.partitions.values.width !== next.partitions.values.width) return 0;
  if (entry.partitions === next.partitions) return next.partitions.count;
  return entry.partitions.values.locate(next.partitions.values).reduce((n, at) => n + (at >= 0 ? 1 : 0), 0);
}

function neverAssigned(entry: TableEntry): boolean {
  return entry.partitions.columns.epochs.every((epoch) => epoch === 0);
}
