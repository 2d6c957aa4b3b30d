import type { Catalog, CatalogTable } from "../../core/query/catalog.ts";

/** The catalog as if the given executors served nothing: what is left when they cannot be reached. */
export function withoutExecutors(catalog: Catalog, lost: ReadonlySet<string>): Catalog {
  if (lost.size === 0) return catalog;
  const tables = new Map<string, CatalogTable>();
  for (const [name, table] of catalog.tables) {
    const partitions = table.partitions.map((partition) =>
      partition.holders.some(({ executor }) => lost.has(executor))
        ? { ...partition, holders: partition.holders.filter(({ executor }) => !lost.has(executor)) }
        : partition,
    );
    tables.set(name, { ...table, partitions });
  }
  return { ...catalog, tables };
}
