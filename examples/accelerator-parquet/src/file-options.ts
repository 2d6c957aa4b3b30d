import { type AcceleratedDataset, AcceleratorParameterError } from "@spice-shards/runtime/accelerator";
import { parquetDescription } from "./description.ts";

/** The options of COPY for a dataset's files, as SQL. Throws {@link AcceleratorParameterError}. */
export function fileOptions(dataset: Pick<AcceleratedDataset, "name" | "parameters">): string {
  const value = (name: string) =>
    dataset.parameters[name] ??
    parquetDescription.capabilities.parameters.find((p) => p.name === name)?.default;
  const rows = Number(value("parquet_row_group_rows"));
  // That it is a whole number was checked at start, from the description.
  if (rows < 2048) {
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': parquet_row_group_rows must be 2048 or more, found ${rows}`,
    );
  }
  // The manifest decides which files count, so a file needs no other name while it is written.
  return `FORMAT parquet, COMPRESSION ${value("parquet_compression")}, ROW_GROUP_SIZE ${rows}, USE_TMP_FILE false`;
}
