import type { ClusterDocument } from "../core/cluster/document/document.ts";
import type { PartitionSet } from "../core/cluster/document/partition-set.ts";
import type {
  Catalog,
  CatalogColumn,
  CatalogPartition,
  CatalogTable,
  PartitionHolder,
} from "../core/query/catalog.ts";
import type { ExecutorView, ExecutorViews } from "./executor-views.ts";

/** A dataset of the spicepod in force, as SQL sees it. */
export interface TableDefinition {
  readonly name: string;
  /** `spice.public.{name}`. */
  readonly fullName: string;
  /** Canonical partition expressions. */
  readonly partitionBy: readonly string[];
}

export interface CatalogViewOptions {
  readonly executors: ExecutorViews;
  readonly document: () => ClusterDocument;
  /** The same array while the spicepod in force is the same. */
  readonly definitions: () => readonly TableDefinition[];
  readonly views: () => ReadonlyMap<string, string>;
  /** Is this instance of the executor connected here? */
  serving(executor: string, instanceId: string): boolean;
}

/**
 * What queries are planned against: the document's assignment joined with what executors say they serve. A holder
 * counts when it has loaded the partition at the document's epoch, or at the one before as its learner. Built again only when the document
 * or a report changed.
 */
export class CatalogView {
  readonly #options: CatalogViewOptions;
  #cached: { key: readonly unknown[]; catalog: Catalog } | undefined;

  constructor(options: CatalogViewOptions) {
    this.#options = options;
  }

  /** The catalog of this instant; the same object while nothing changed. */
  current(): Catalog {
    const { executors, serving } = this.#options;
    const document = this.#options.document();
    const definitions = this.#options.definitions();
    const key = [document, definitions, executors.version];
    if (this.#cached?.key.every((part, i) => part === key[i]) === true) return this.#cached.catalog;
    const views = new Map(
      executors
        .all()
        .filter((v) => serving(v.id, v.instanceId))
        .map((v) => [v.id, v]),
    );
    const tables = new Map<string, CatalogTable>();
    for (const definition of definitions) {
      const table = catalogTable(definition, document, views);
      if (table !== undefined) tables.set(definition.name.toLowerCase(), table);
    }
    const catalog: Catalog = { tables, views: this.#options.views() };
    this.#cached = { key, catalog };
    return catalog;
  }
}

/** One table, or undefined while it is not discovered or no executor has told its columns: it has no answer yet. */
function catalogTable(
  definition: TableDefinition,
  document: ClusterDocument,
  executors: ReadonlyMap<string, ExecutorView>,
): CatalogTable | undefined {
  const columns = columnsOf(definition.fullName, executors.values());
  const entry = document.accelerations[definition.fullName];
  if (columns === undefined || entry === undefined) return undefined;
  const partitions: CatalogPartition[] = [];
  const set = entry.partitions;
  for (let i = 0; i < set.count; i++) {
    const key = set.key(i);
    const epoch = set.epoch(i);
    const holders: PartitionHolder[] = [];
    let [rows, bytes] = [0, 0];
    for (const executor of set.holders(i)) {
      const state = executors.get(executor)?.partitions.get(definition.fullName)?.get(key);
      if (state === undefined || state.version === 0) continue;
      // A learner that was just made owner may not have said so yet: it refuses until it has heard of it, and the
      // query plans again.
      const promoted = state.epoch === epoch - 1 && state.state === "loaded";
      if (state.epoch !== epoch && !promoted) continue;
      holders.push({ executor, epoch, version: state.version });
      [rows, bytes] = [state.rows, state.bytes];
    }
    const values = set.tuple(i);
    if (holders.length > 0) partitions.push({ key, values, holders, rows, bytes });
    else
      partitions.push({ key, values, holders, awaited: isAwaited(definition.fullName, set, i, executors) });
  }
  return {
    name: definition.name,
    fullName: definition.fullName,
    revision: entry.revision,
    columns,
    // What the partitions were made by, whatever the spicepod in force says.
    partitionBy: entry.partition_expressions,
    partitions,
  };
}

/**
 * Is somebody about to serve a partition that nobody serves? Its owner when that has not told this scheduler yet, else a
 * learner; not one that said it cannot.
 */
function isAwaited(
  table: string,
  set: PartitionSet,
  index: number,
  executors: ReadonlyMap<string, ExecutorView>,
): boolean {
  return [...set.holders(index), ...set.learners(index)].some(
    (id) => executors.get(id)?.partitions.get(table)?.get(set.key(index))?.state !== "failed",
  );
}

/**
 * The columns that every executor with the table has, as the first of them (by id) orders them: while a schema change
 * travels through the executors a query sees only what all can answer.
 */
function columnsOf(table: string, executors: Iterable<ExecutorView>): CatalogColumn[] | undefined {
  let common: CatalogColumn[] | undefined;
  for (const executor of executors) {
    const columns = executor.tables.get(table)?.columns;
    if (columns === undefined || columns.length === 0) continue;
    const types = new Map(columns.map((c) => [c.name, c.type]));
    common =
      common === undefined
        ? columns.map(({ name, type, nullable }) => ({ name, type, nullable }))
        : common.filter((c) => types.get(c.name) === c.type);
  }
  return common;
}
