import { conform } from "../../adapters/engine/segment-sql.ts";
import { decodeSelect } from "../../core/query/wire-type.ts";
import { evolveColumns } from "../../core/refresh/evolve-columns.ts";
import { quoteLiteral } from "../../core/sql/quote.ts";
import { type AcceleratorTable, SchemaMismatchError, type TableVersion } from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";
import type { CopiedVersion } from "../../ports/partition-copy.ts";
import type { DatasetConfig } from "./dataset-config.ts";

/** The rows of a copied version: Parquet files in wire form, all of one version. */
export interface CopiedRows {
  readonly files: readonly string[];
}

/**
 * The columns of a table that takes a copy with `copied` columns. Either side may have seen a newer state of the
 * source. Throws {@link SchemaMismatchError} when one does not hold the other.
 */
export function columnsWithCopy(
  config: Pick<DatasetConfig, "name">,
  held: readonly SqlColumn[],
  copied: readonly SqlColumn[],
): readonly SqlColumn[] {
  const evolution = evolveColumns(held, copied);
  if (evolution.kind === "columns") return evolution.columns;
  const reverse = evolveColumns(copied, held);
  if (reverse.kind === "columns") return reverse.columns;
  throw new SchemaMismatchError(
    `The owner's copy of ${config.name} does not fit the columns that this executor knows: ${evolution.reason}. The owner keeps serving; it moves when both have read the same schema.`,
  );
}

/** Write a copied version into a partition's table, in one atomic step. */
export async function insertCopy(
  table: AcceleratorTable,
  header: CopiedVersion,
  rows: CopiedRows,
  columns: readonly SqlColumn[],
  signal: AbortSignal,
): Promise<TableVersion> {
  const files = `read_parquet([${rows.files.map(quoteLiteral).join(", ")}])`;
  const empty = rows.files.length === 0;
  const version = await table.insert(
    {
      sql: empty ? "" : conform(`(${decodeSelect(files, header.columns)})`, header.columns, columns),
      columns,
      empty,
    },
    {
      // The owner's rows satisfy the key already; that is checked again where a rule says nothing else.
      mode: { kind: "overwrite", duplicates: { kind: "error" } },
      version: header.version,
      watermark: header.watermark,
      position: header.position,
    },
    signal,
  );
  return version;
}
