import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import {
  type AcceleratedDataset,
  checkPartitionBy,
  type PartitionKey,
  type PartitionValues,
  StorageConflictError,
  type TableVersion,
  type UnitRecord,
} from "@spice-shards/runtime/accelerator";
import { sync } from "./durable.ts";

export const manifestName = "manifest.json";
/** A manifest that is being written; after a crash one may be left over. */
export const newManifestName = "manifest.json.new";

/** Changes when older versions of this engine could not read the files. */
const format = 1;

/** One partition's committed version. The files that it names are the partition; no other file counts. */
interface Manifest {
  readonly format: number;
  readonly partitionBy: readonly PartitionKey[];
  readonly values: PartitionValues;
  readonly version: TableVersion;
}

/**
 * Put a version into force: when this resolves it is durable, and at every moment before, a crash leaves the old
 * version or the new one. `renamed` is called between the two, when a reader of the directory would find the new one.
 */
export async function writeManifest(
  directory: string,
  dataset: AcceleratedDataset,
  unit: UnitRecord,
  renamed: () => void,
): Promise<void> {
  const partitionBy = dataset.partitionBy.map(({ name, expression }) => ({ name, expression }));
  const manifest: Manifest = { format, partitionBy, ...unit };
  const draft = join(directory, newManifestName);
  const handle = await open(draft, "w");
  try {
    await handle.writeFile(JSON.stringify(manifest));
    await handle.sync();
  } finally {
    await handle.close();
  }
  // The names of the segments' files must be durable before the manifest that mentions them.
  await sync(directory);
  await rename(draft, join(directory, manifestName));
  renamed();
  await sync(directory);
}

/**
 * What a directory holds; undefined when nothing was ever committed there. Throws {@link StorageConflictError} when it
 * is of another format or of other partition expressions.
 */
export async function readManifest(
  directory: string,
  dataset: AcceleratedDataset,
): Promise<UnitRecord | undefined> {
  const file = join(directory, manifestName);
  const remedy = `Remove ${directory} to load the partition anew.`;
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(file, "utf8")) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if ((error as Error).name !== "SyntaxError") throw error;
    throw new StorageConflictError("Format", `${file} is damaged. ${remedy}`, error);
  }
  if (manifest.format !== format) {
    throw new StorageConflictError(
      "Format",
      `${file} has format ${manifest.format}; this version reads ${format}. ${remedy}`,
    );
  }
  checkPartitionBy(manifest.partitionBy, dataset);
  return { values: manifest.values, version: manifest.version };
}
