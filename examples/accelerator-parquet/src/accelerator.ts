import { join } from "node:path";
import type {
  AcceleratedDataset,
  Accelerator,
  AcceleratorContext,
  CreateTableRequest,
  InitResult,
  StorageLayout,
} from "@spice-shards/runtime/accelerator";
import { parquetDescription } from "./description.ts";
import { fileOptions } from "./file-options.ts";
import { readManifest } from "./manifest.ts";
import { datasetDirectory, holdsPartitions, openStorage } from "./storage.ts";
import { ParquetTable } from "./table.ts";

/**
 * The engine `parquet`: every segment is a Parquet file that the serving database writes by COPY and reads by
 * `read_parquet`, so rows never pass through JavaScript. Per partition, a manifest names the files of the committed
 * version and is replaced as a whole.
 */
export function createParquet({ database, dataDir }: AcceleratorContext): Accelerator {
  const rootOf = (dataset: AcceleratedDataset) => datasetDirectory(dataDir, dataset);
  return {
    ...parquetDescription,
    async init(dataset): Promise<InitResult> {
      fileOptions(dataset);
      return { partitions: await openStorage(rootOf(dataset), dataset) };
    },
    async createTable({ dataset, values }: CreateTableRequest) {
      const directory = join(rootOf(dataset), dataset.unitPath(values));
      const held = await readManifest(directory, dataset);
      return new ParquetTable({ database, dataset, values, directory, current: held?.version });
    },
    isInitialized: (dataset) => holdsPartitions(rootOf(dataset)),
    async layout(dataset): Promise<StorageLayout> {
      return { kind: "directories", data: [rootOf(dataset)], metadata: [] };
    },
  };
}
