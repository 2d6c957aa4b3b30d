import { type AcceleratedDataset, type PartitionKey, StorageConflictError } from "../../ports/accelerator.ts";

/**
 * Throws {@link StorageConflictError} with the text of chapter 03 when what is stored was partitioned by other
 * expressions than those of `dataset`: its values would mean other rows.
 */
export function checkPartitionBy(
  stored: readonly PartitionKey[],
  dataset: Pick<AcceleratedDataset, "partitionBy">,
): void {
  const same =
    stored.length === dataset.partitionBy.length &&
    stored.every((key, i) => {
      const now = dataset.partitionBy[i]!;
      return key.name === now.name && key.expression === now.expression;
    });
  if (!same) {
    throw new StorageConflictError(
      "PartitionByChanged",
      "The 'partition_by' expressions are different from the expressions used to create the existing partition files. Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files are stored to create new partitions.",
    );
  }
}
