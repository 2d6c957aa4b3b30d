import { quoteLiteral } from "../../../core/sql/quote.ts";
import {
  type AcceleratedDataset,
  type PartitionValues,
  StorageConflictError,
  type TableVersion,
  type UnitRecord,
} from "../../../ports/accelerator.ts";
import { checkPartitionBy } from "../check-partition-by.ts";

/** Changes when older versions of the program could not read the files. */
export const storageFormat = 1;

interface UnitDocument {
  readonly format: number;
  readonly dataset: string;
  readonly partitionBy: readonly { readonly name: string; readonly expression: string }[];
  readonly values: PartitionValues;
  readonly version: TableVersion;
}

/** The row that is committed with a unit's data, as an SQL literal. */
export function documentLiteral(
  dataset: AcceleratedDataset,
  values: PartitionValues,
  version: TableVersion,
): string {
  const document: UnitDocument = {
    format: storageFormat,
    dataset: dataset.name,
    partitionBy: dataset.partitionBy.map(({ name, expression }) => ({ name, expression })),
    values,
    version,
  };
  return quoteLiteral(JSON.stringify(document));
}

/** Read a unit's row. Throws {@link StorageConflictError} when it is of another format or other expressions. */
export function readDocument(text: string, dataset: AcceleratedDataset, file: string): UnitRecord {
  const document = JSON.parse(text) as UnitDocument;
  if (document.format !== storageFormat) {
    throw new StorageConflictError(
      "Format",
      `${file} has storage format ${document.format}; this version reads ${storageFormat}. Remove the file to load the partition anew.`,
    );
  }
  checkPartitionBy(document.partitionBy, dataset);
  return { values: document.values, version: document.version };
}
