import { bindTable } from "../../adapters/duckdb/bind-table.ts";
import { type AcceleratorRegistry, checkAcceleratorParameters } from "../../adapters/engine/registry.ts";
import { evolveColumns } from "../../core/refresh/evolve-columns.ts";
import { sourceQuery } from "../../core/refresh/source-query.ts";
import { AcceleratorParameterError, type UnitRecord } from "../../ports/accelerator.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database, SqlColumn } from "../../ports/database.ts";
import type { Source } from "../../ports/source.ts";
import { AcceleratedTable } from "./accelerated-table.ts";
import { acceleratedDataset, type DatasetConfig } from "./dataset-config.ts";
import { sourceAlias } from "./read-into.ts";

/**
 * Open an accelerated dataset: load its engine, find what storage holds, and learn its columns from there or else
 * from the source. Nothing is loaded yet. Throws the errors of `ports/accelerator.ts` and `ports/source.ts`; with
 * stored partitions, or the columns of another executor, a source that is down does not matter.
 */
export async function openDataset(
  config: DatasetConfig,
  context: {
    readonly database: Database;
    readonly registry: AcceleratorRegistry;
    readonly source: Source;
    readonly clock: Clock;
    /** The executor's data directory. */
    readonly dataDir: string;
    readonly warn?: (message: string, cause: unknown) => void;
    /** The columns as another executor has them, for a source that cannot be asked. */
    readonly columns?: readonly SqlColumn[] | undefined;
  },
  signal?: AbortSignal,
): Promise<AcceleratedTable> {
  checkAppend(config, context.source);
  const { database, registry, source, clock, dataDir } = context;
  const warn = context.warn === undefined ? {} : { warn: context.warn };
  const accelerator = await registry.create(config.engine, { database, dataDir, ...warn });
  try {
    const dataset = acceleratedDataset(config, []);
    checkAcceleratorParameters(accelerator, dataset);
    const stored = (await accelerator.init?.(dataset))?.partitions ?? [];
    const columns =
      storedColumns(stored) ?? context.columns ?? (await sourceColumns(config, database, source, signal));
    checkColumns(config, columns);
    return new AcceleratedTable(
      config,
      { database, accelerator, source, clock, ...warn },
      { columns, stored },
    );
  } catch (error) {
    await accelerator.shutdown?.();
    throw error;
  }
}

/** The columns of a dataset after `refresh_sql`, from its source. */
export async function sourceColumns(
  config: DatasetConfig,
  database: Database,
  source: Source,
  signal?: AbortSignal,
): Promise<readonly SqlColumn[]> {
  const columns = await source.schema(signal);
  if (config.refreshSql === undefined) return columns.map(({ name, type }) => ({ name, type }));
  const list = columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name.replaceAll('"', '""')}"`);
  const name = sourceAlias;
  const refreshSql = await bindTable(database, config.refreshSql, config.fullName.split("."), name);
  return database.describe(
    sourceQuery({ relation: `(SELECT ${list.join(", ")})`, name, predicates: [], refreshSql }),
  );
}

/** The columns that hold every stored partition; undefined without any. */
function storedColumns(stored: readonly UnitRecord[]): readonly SqlColumn[] | undefined {
  const newestFirst = [...stored].sort((a, b) => b.version.columns.length - a.version.columns.length);
  let columns: readonly SqlColumn[] | undefined;
  for (const { version } of newestFirst) {
    if (version.columns.length === 0) continue;
    if (columns === undefined) columns = version.columns;
    const evolution = evolveColumns(version.columns, columns);
    if (evolution.kind === "columns") columns = evolution.columns;
  }
  return columns;
}

function checkAppend(config: DatasetConfig, source: Source): void {
  if (config.refreshMode === "append" && config.timeColumn === undefined && !source.pushes.objects) {
    throw new AcceleratorParameterError(
      `Dataset '${config.name}': refresh_mode: append needs time_column for ${source.location}`,
    );
  }
}

function checkColumns(config: DatasetConfig, columns: readonly SqlColumn[]): void {
  const known = new Set(columns.map((c) => c.name.toLowerCase()));
  const named = [
    ...config.primaryKey.map((c) => ["primary_key", c] as const),
    ...config.indexes.flatMap((i) => i.columns.map((c) => ["indexes", c] as const)),
    ...(config.timeColumn === undefined ? [] : [["time_column", config.timeColumn.name] as const]),
  ];
  for (const [field, column] of named) {
    if (known.has(column.toLowerCase())) continue;
    throw new AcceleratorParameterError(
      `Dataset '${config.name}': ${field} names the column ${column}, which is not among ${columns.map((c) => c.name).join(", ")}`,
    );
  }
}
