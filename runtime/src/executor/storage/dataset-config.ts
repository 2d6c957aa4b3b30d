import type { Retention } from "../../core/refresh/retention.ts";
import type { TimeFormat } from "../../core/refresh/time-column.ts";
import type { AcceleratedDataset, PartitionKey, PartitionValues } from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";

/** One accelerated dataset as an executor stores and refreshes it. Durations in milliseconds. */
export interface DatasetConfig {
  /** As the spicepod writes it; also the name of its directory, and what `refresh_sql` selects from. */
  readonly name: string;
  /** As the cluster document and fragments write it, e.g. `spice.public.sales`. */
  readonly fullName: string;
  readonly engine: string;
  readonly mode: "memory" | "file";
  /** Engine parameters (`acceleration.params`). */
  readonly parameters: Readonly<Record<string, string>>;
  readonly partitionBy: readonly PartitionExpression[];
  /** The relative directory of a partition: `name=value/…`, encoded. */
  unitPath(values: PartitionValues): string;
  readonly primaryKey: readonly string[];
  readonly indexes: readonly { readonly columns: readonly string[]; readonly unique: boolean }[];
  /** `on_conflict` of the primary key. */
  readonly onConflict?: "upsert" | "drop";
  readonly refreshMode: "full" | "append";
  readonly refreshSql?: string;
  readonly dataWindowMs?: number;
  readonly appendOverlapMs?: number;
  readonly timeColumn?: { readonly name: string; readonly format: TimeFormat };
  readonly timePartitionColumn?: { readonly name: string; readonly format: TimeFormat };
  readonly retention?: Retention;
  /** `always` reads the source at start although storage holds the data. */
  readonly refreshOnStartup: "auto" | "always";
}

/** A partition expression that DuckDB can evaluate. */
export interface PartitionExpression extends PartitionKey {
  /** DuckDB SQL over the table's columns, for a SELECT list. */
  readonly sql: string;
  /** True when the expression is a bare column: then its values narrow what is read from the source. */
  readonly plain: boolean;
}

/** The canonical key of a partition: the JSON text of its values. */
export function partitionKey(values: PartitionValues): string {
  return JSON.stringify(values);
}

/** What an engine is told of a dataset. */
export function acceleratedDataset(config: DatasetConfig, columns: readonly SqlColumn[]): AcceleratedDataset {
  return {
    name: config.name,
    mode: config.mode,
    partitionBy: config.partitionBy.map(({ name, expression }) => ({ name, expression })),
    columns,
    primaryKey: config.primaryKey,
    indexes: config.indexes,
    parameters: config.parameters,
    unitPath: config.unitPath,
  };
}
