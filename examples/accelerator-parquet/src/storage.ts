import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type AcceleratedDataset,
  type Segment,
  StorageConflictError,
  type UnitRecord,
} from "@spice-shards/runtime/accelerator";
import { manifestName, newManifestName, readManifest } from "./manifest.ts";

/** The directory of a dataset; below it, each partition has one of its own. */
export function datasetDirectory(dataDir: string, dataset: Pick<AcceleratedDataset, "name">): string {
  return join(dataDir, "parquet", dataset.name.replaceAll("/", "%2F"));
}

/** The name of a segment's file. */
export function fileName(segment: Pick<Segment, "id">): string {
  return `${segment.id}.parquet`;
}

/**
 * Find the partitions below `root` and sweep what no manifest names: files of writes that a crash cut off, and of
 * versions that were not discarded before the process ended. Only while nobody reads or writes there.
 */
export async function openStorage(root: string, dataset: AcceleratedDataset): Promise<readonly UnitRecord[]> {
  const units: UnitRecord[] = [];
  for (const [directory, names] of await filesByDirectory(root)) {
    const unit = await readManifest(directory, dataset);
    const used = new Set(unit?.version.segments.map(fileName) ?? []);
    const missing = [...used].find((name) => !names.has(name));
    if (missing !== undefined) {
      throw new StorageConflictError(
        "Format",
        `${join(directory, missing)} is missing. Remove ${directory} to load the partition anew.`,
      );
    }
    for (const name of names) {
      const ours = name.endsWith(".parquet") || name === newManifestName;
      if (ours && !used.has(name)) await rm(join(directory, name));
    }
    if (unit !== undefined) units.push(unit);
    else await removeEmpty(directory, root);
  }
  return units;
}

/** Whether a dataset has a partition here. */
export async function holdsPartitions(root: string): Promise<boolean> {
  const directories = await filesByDirectory(root);
  return [...directories.values()].some((names) => names.has(manifestName));
}

async function filesByDirectory(root: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const directories = new Map<string, Set<string>>();
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  for (const entry of entries) {
    const path = entry.isDirectory() ? join(entry.parentPath, entry.name) : entry.parentPath;
    const names = directories.get(path) ?? new Set();
    if (entry.isFile()) names.add(entry.name);
    directories.set(path, names);
  }
  return directories;
}

/** Remove a directory and those above it up to `root`, as far as nothing is in them. */
async function removeEmpty(directory: string, root: string): Promise<void> {
  for (let path = directory; path !== root && path.startsWith(root); path = dirname(path)) {
    try {
      await rmdir(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOTEMPTY") return;
      if (code !== "ENOENT") throw error;
    }
  }
}
