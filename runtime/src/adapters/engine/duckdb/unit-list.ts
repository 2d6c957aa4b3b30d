import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { AcceleratedDataset, PartitionValues, UnitRecord } from "../../../ports/accelerator.ts";
import type { SqlColumn } from "../../../ports/database.ts";
import { checkPartitionBy } from "../check-partition-by.ts";
import { emptyVersion } from "../segmented-table.ts";

/**
 * A small file beside the partitions' files: which units were loaded, up to which watermark, at which version.
 *
 * It adds what the units themselves cannot say without being rewritten: that a unit without a file is empty, and
 * that a unit whose data did not change is nevertheless current up to a later watermark. An entry whose version is
 * not the stored one is ignored, so a lost or old list costs work and never correctness.
 */
interface UnitList {
  readonly partitionBy: readonly { readonly name: string; readonly expression: string }[];
  readonly columns: readonly SqlColumn[];
  readonly positions: readonly string[];
  readonly units: readonly {
    readonly values: PartitionValues;
    readonly version: number;
    readonly watermark: string | null;
    /** Index into `positions`. */
    readonly position: number | null;
    readonly rows: number;
  }[];
}

/** Replace the list atomically. */
export async function writeUnitList(
  file: string,
  dataset: AcceleratedDataset,
  units: readonly UnitRecord[],
): Promise<void> {
  const positions: string[] = [];
  const list: UnitList = {
    partitionBy: dataset.partitionBy.map(({ name, expression }) => ({ name, expression })),
    columns: units[0]?.version.columns ?? dataset.columns,
    positions,
    units: units.map(({ values, version }) => ({
      values,
      version: version.version,
      watermark: version.watermark,
      position: version.position === null ? null : indexIn(positions, version.position),
      rows: version.rows,
    })),
  };
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(`${file}.new`, "w");
  try {
    await handle.writeFile(JSON.stringify(list));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}

/** Complete what the units' files say (`stored`) by what the list says. */
export async function mergeUnitList(
  file: string,
  dataset: AcceleratedDataset,
  stored: readonly UnitRecord[],
): Promise<readonly UnitRecord[]> {
  let list: UnitList;
  try {
    list = JSON.parse(await readFile(file, "utf8")) as UnitList;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing || error instanceof SyntaxError || (error as Error).name === "SyntaxError") return stored;
    throw error;
  }
  checkPartitionBy(list.partitionBy, dataset);
  const byKey = new Map(stored.map((unit) => [JSON.stringify(unit.values), unit]));
  for (const entry of list.units) {
    const key = JSON.stringify(entry.values);
    const unit = byKey.get(key);
    const later = {
      watermark: entry.watermark,
      position: entry.position === null ? null : (list.positions[entry.position] ?? null),
    };
    if (unit !== undefined) {
      if (unit.version.version === entry.version) {
        byKey.set(key, { values: unit.values, version: { ...unit.version, ...later } });
      }
    } else if (entry.rows === 0 && entry.version > 0) {
      byKey.set(key, {
        values: entry.values,
        version: { ...emptyVersion(list.columns), version: entry.version, ...later },
      });
    }
  }
  return [...byKey.values()];
}

function indexIn(positions: string[], position: string): number {
  const at = positions.indexOf(position);
  return at >= 0 ? at : positions.push(position) - 1;
}
