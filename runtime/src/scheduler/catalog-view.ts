import type { ClusterDocument } from "../core/cluster/document.ts";
import type {
  Catalog,
  CatalogColumn,
  CatalogPartition,
  CatalogTable,
  PartitionHolder,
} from "../core/query/catalog.ts";
import type { ExecutorRegistry, ExecutorSession } from "./executor-registry.ts";

/** A dataset of the spicepod in force, as SQL sees it. */
export interface TableDefinition {
  readonly name: string;
  /** `spice.public.{name}`. */
  readonly fullName: string;
  /** Canonical partition expressions. */
  readonly partitionBy: readonly string[];
}

/**
 * What queries are planned against: the document's assignment joined with what executors say they serve. A holder
 * counts when it serves the partition at the document's epoch and has loaded it. Built again only when the document
 * or a report changed.
 */
export class CatalogView {
  readonly #executors: ExecutorRegistry;
  readonly #document: () => ClusterDocument;
  readonly #definitions: () => readonly TableDefinition[];
  readonly #views: () => ReadonlyMap<string, string>;
  #cached:
    | { document: ClusterDocument; definitions: readonly TableDefinition[]; catalog: Catalog }
    | undefined;

  constructor(options: {
    executors: ExecutorRegistry;
    document: () => ClusterDocument;
    definitions: () => readonly TableDefinition[];
    views: () => ReadonlyMap<string, string>;
  }) {
    this.#executors = options.executors;
    this.#document = options.document;
    this.#definitions = options.definitions;
    this.#views = options.views;
    options.executors.subscribe(() => {
      this.#cached = undefined;
    });
  }

  /** The catalog of this instant; the same object while nothing changed. */
  current(): Catalog {
    const document = this.#document();
    const definitions = this.#definitions();
    if (this.#cached?.document === document && this.#cached.definitions === definitions)
      return this.#cached.catalog;
    const sessions = new Map(this.#executors.sessions().map((s) => [s.id, s]));
    const tables = new Map<string, CatalogTable>();
    for (const definition of definitions) {
      const table = catalogTable(definition, document, sessions);
      if (table !== undefined) tables.set(definition.name.toLowerCase(), table);
    }
    const catalog: Catalog = { tables, views: this.#views() };
    this.#cached = { document, definitions, catalog };
    return catalog;
  }
}

/** One table, or undefined while no executor has told its columns. */
function catalogTable(
  definition: TableDefinition,
  document: ClusterDocument,
  sessions: ReadonlyMap<string, ExecutorSession>,
): CatalogTable | undefined {
  const columns = columnsOf(definition.fullName, sessions.values());
  if (columns === undefined) return undefined;
  const entry = document.accelerations[definition.fullName];
  const partitions: CatalogPartition[] = [];
  if (entry !== undefined) {
    const set = entry.partitions;
    for (let i = 0; i < set.count; i++) {
      const key = set.key(i);
      const epoch = set.epoch(i);
      const holders: PartitionHolder[] = [];
      let [rows, bytes] = [0, 0];
      for (const executor of set.holders(i)) {
        const state = sessions.get(executor)?.holdings.get(definition.fullName)?.partitions.get(key);
        if (state === undefined || state.version === 0 || state.epoch !== epoch) continue;
        holders.push({ executor, epoch, version: state.version });
        [rows, bytes] = [state.rows, state.bytes];
      }
      partitions.push({ key, values: set.tuple(i), holders, ...(holders.length > 0 ? { rows, bytes } : {}) });
    }
  }
  return {
    name: definition.name,
    fullName: definition.fullName,
    revision: entry?.revision ?? 0,
    columns,
    partitionBy: definition.partitionBy,
    partitions,
  };
}

/**
 * The columns that every executor with the table has, as the first of them (by id) orders them: while a schema change
 * travels through the executors a query sees only what all can answer.
 */
function columnsOf(table: string, sessions: Iterable<ExecutorSession>): CatalogColumn[] | undefined {
  let common: CatalogColumn[] | undefined;
  for (const session of sessions) {
    const columns = session.holdings.get(table)?.table?.columns;
    if (columns === undefined || columns.length === 0) continue;
    const types = new Map(columns.map((c) => [c.name, c.type]));
    common =
      common === undefined
        ? columns.map(({ name, type, nullable }) => ({ name, type, nullable }))
        : common.filter((c) => types.get(c.name) === c.type);
  }
  return common;
}
