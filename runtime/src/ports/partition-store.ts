/**
 * The partitions that one executor holds, version by version. Fragments read through it; load and refresh change it.
 */
export interface PartitionStore {
  /**
   * Pin one version of each partition for a query and give the relations to read. The pin holds until `release`,
   * also when the partition is refreshed or moves away meanwhile. Throws `StalePlanError` when a version is gone or
   * the epoch is older than the one this executor knows.
   */
  pin(table: string, partitions: readonly { key: string; epoch: number; version: number }[]): PinnedRelations;
}

export interface PinnedRelations {
  /**
   * SQL of relations that exist in the executor's serving database, each usable as `SELECT * FROM {relation}`. All
   * have the table's columns in the table's order; their union is the pinned data. Empty when no partition has rows.
   */
  readonly relations: readonly string[];
  /** The table's columns, for an empty result of the right shape. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** One is aborted, with an error for whoever asked, when the pin has to be released because the table closes. */
  readonly revoked: Iterable<AbortSignal>;
  release(): void;
}
