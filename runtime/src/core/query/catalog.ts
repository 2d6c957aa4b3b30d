/**
 * What the planner knows of the cluster when it plans one query: plain data, fixed for the whole query
 * (spec chapter 07, One truth per query).
 */
export interface Catalog {
  /** By the name that SQL uses, lower case. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** Plain views, by name in lower case: their SQL is expanded in the query. */
  readonly views: ReadonlyMap<string, string>;
}

export interface CatalogTable {
  /** The name as the spicepod writes it. */
  readonly name: string;
  /** The resolved name, e.g. `spice.public.sales`: what the cluster document and fragments use. */
  readonly fullName: string;
  /** Revision of the table's last change in the cluster document. */
  readonly revision: number;
  readonly columns: readonly CatalogColumn[];
  /** The partition expressions in order, as written in the spicepod; empty for an unpartitioned table. */
  readonly partitionBy: readonly string[];
  readonly partitions: readonly CatalogPartition[];
}

export interface CatalogColumn {
  readonly name: string;
  /** DuckDB type as SQL text. */
  readonly type: string;
  readonly nullable: boolean;
}

export interface CatalogPartition {
  /** Canonical key: the JSON text of `values`. */
  readonly key: string;
  /** One text value or null per partition expression, in order. */
  readonly values: readonly (string | null)[];
  /** Executors that serve it, the owner first; empty when nobody does. */
  readonly holders: readonly PartitionHolder[];
  /** True when nobody serves it and somebody is about to: its owner, or a learner that takes its place. */
  readonly awaited?: boolean;
  readonly rows?: number;
  readonly bytes?: number;
}

export interface PartitionHolder {
  readonly executor: string;
  readonly epoch: number;
  readonly version: number;
}
