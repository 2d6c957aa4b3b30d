import { globSync } from "node:fs";
import { join } from "node:path";
import { forEachLimited } from "../../../core/for-each-limited.ts";
import {
  type AcceleratedDataset,
  type Accelerator,
  type AcceleratorContext,
  FileModeUnsupportedError,
  type PartitionValues,
  type TableInsert,
  type UnitRecord,
} from "../../../ports/accelerator.ts";
import { MemorySchema, MemorySpace } from "../memory-space.ts";
import type { SegmentOptions } from "../segment-space.ts";
import { SegmentedTable } from "../segmented-table.ts";
import { FileSpace } from "./file-space.ts";
import { checkEngineParameters, duckdbDescription, duckdbLayout } from "./options.ts";
import { TablesFile, TablesSpace } from "./tables-space.ts";
import { mergeUnitList, writeUnitList } from "./unit-list.ts";

/** The engine `duckdb` (spec chapter 03, Layout by engine): memory, one file per partition, or one file for all. */
export function createDuckDb(context: AcceleratorContext): Accelerator {
  return new DuckDbAccelerator(context);
}

interface OpenDataset {
  readonly dataset: AcceleratedDataset;
  readonly spaces: Map<string, FileSpace>;
  readonly found: Map<string, UnitRecord>;
  readonly tables: TablesFile | undefined;
}

class DuckDbAccelerator implements Accelerator {
  readonly name = duckdbDescription.name;
  readonly capabilities = duckdbDescription.capabilities;
  readonly fileExtensions = ["db", "duckdb"];
  readonly #context: AcceleratorContext;
  readonly #memory: MemorySchema;
  readonly #open = new Map<string, OpenDataset>();

  constructor(context: AcceleratorContext) {
    this.#context = context;
    this.#memory = new MemorySchema(context.database);
  }

  async init(dataset: AcceleratedDataset) {
    checkEngineParameters(dataset);
    const layout = duckdbLayout(dataset, this.#context.dataDir);
    const open: OpenDataset = {
      dataset,
      spaces: new Map(),
      found: new Map(),
      tables:
        layout.kind === "tables"
          ? new TablesFile(this.#context.database, dataset, layout.file, this.#warn)
          : undefined,
    };
    this.#open.set(dataset.name, open);
    if (layout.kind === "memory") return { partitions: [] };
    const stored: UnitRecord[] = [];
    if (layout.kind === "tables") stored.push(...(await open.tables!.open(dataset)));
    else {
      const files = globSync("**/data.duckdb", { cwd: layout.directory }).sort();
      await forEachLimited(files, 4, async (name) => {
        const record = await this.#openFile(open, layout.directory, name);
        if (record !== undefined) stored.push(record);
      });
    }
    const partitions = await mergeUnitList(join(layout.directory, "units.json"), dataset, stored);
    for (const unit of partitions) open.found.set(JSON.stringify(unit.values), unit);
    return { partitions };
  }

  async createTable({ dataset, values }: { dataset: AcceleratedDataset; values: PartitionValues }) {
    if (!this.#open.has(dataset.name)) await this.init(dataset);
    const open = this.#open.get(dataset.name)!;
    const key = JSON.stringify(values);
    const options = segmentOptions(dataset, values);
    const current = open.found.get(key)?.version;
    open.found.delete(key);
    const layout = duckdbLayout(dataset, this.#context.dataDir);
    switch (layout.kind) {
      case "memory": {
        const space = new MemorySpace(this.#memory, options);
        await space.prepare();
        return new SegmentedTable(space, options);
      }
      case "tables":
        return new SegmentedTable(new TablesSpace(open.tables!, options), options, current);
      case "files": {
        let space = open.spaces.get(key);
        if (space === undefined) {
          space = this.#fileSpace(options, layout.directory, this.filePath(dataset, values));
          open.spaces.set(key, space);
        }
        return new SegmentedTable(space, options, current);
      }
      default:
        return layout satisfies never;
    }
  }

  insertTogether(inserts: readonly TableInsert[], signal?: AbortSignal) {
    return SegmentedTable.insertTogether(inserts, signal);
  }

  async recordUnits(dataset: AcceleratedDataset, units: readonly UnitRecord[]): Promise<void> {
    const layout = duckdbLayout(dataset, this.#context.dataDir);
    if (layout.kind === "memory") return;
    await writeUnitList(join(layout.directory, "units.json"), dataset, units);
  }

  async settle(dataset: AcceleratedDataset, units: readonly PartitionValues[]): Promise<void> {
    const open = this.#open.get(dataset.name);
    await open?.tables?.checkpoint();
    await forEachLimited(units, 4, async (values) => open?.spaces.get(JSON.stringify(values))?.settle());
  }

  async isInitialized(dataset: AcceleratedDataset): Promise<boolean> {
    const layout = await this.layout(dataset);
    switch (layout.kind) {
      case "none":
        return true;
      case "file":
        return globSync(layout.path).length > 0;
      case "directories":
        return layout.data.some((directory) => globSync("**/data.duckdb", { cwd: directory }).length > 0);
      default:
        return layout satisfies never;
    }
  }

  async layout(dataset: AcceleratedDataset) {
    const layout = duckdbLayout(dataset, this.#context.dataDir);
    switch (layout.kind) {
      case "memory":
        return { kind: "none" } as const;
      case "tables":
        return { kind: "file", path: layout.file } as const;
      case "files":
        return { kind: "directories", data: [layout.directory], metadata: [] } as const;
      default:
        return layout satisfies never;
    }
  }

  filePath(dataset: AcceleratedDataset, values: PartitionValues): string {
    const layout = duckdbLayout(dataset, this.#context.dataDir);
    switch (layout.kind) {
      case "memory":
        throw new FileModeUnsupportedError(`Dataset '${dataset.name}' is in memory: it has no file`);
      case "tables":
        return layout.file;
      case "files":
        return join(layout.directory, dataset.unitPath(values), "data.duckdb");
      default:
        return layout satisfies never;
    }
  }

  async checkpoint(dataset: AcceleratedDataset, values: PartitionValues): Promise<readonly string[]> {
    const open = this.#open.get(dataset.name);
    await open?.tables?.checkpoint();
    await open?.spaces.get(JSON.stringify(values))?.checkpoint();
    return [this.filePath(dataset, values)];
  }

  async shutdown(): Promise<void> {
    for (const { spaces, tables } of this.#open.values()) {
      for (const space of spaces.values()) await space.close();
      await tables?.close();
    }
    this.#open.clear();
    await this.#memory.close();
  }

  async #openFile(open: OpenDataset, directory: string, name: string): Promise<UnitRecord | undefined> {
    // The values are known only from the file's own row: open it under its path, then file it under its key.
    const path = name.slice(0, -"/data.duckdb".length);
    const dataset = { ...open.dataset, unitPath: () => path };
    const space = this.#fileSpace(segmentOptions(dataset, []), directory, join(directory, name));
    const record = await space.openExisting();
    if (record === undefined) return undefined;
    space.assume(segmentOptions(open.dataset, record.values));
    open.spaces.set(JSON.stringify(record.values), space);
    return record;
  }

  #fileSpace(options: SegmentOptions, root: string, file: string): FileSpace {
    return new FileSpace(this.#context.database, options, { file, root }, this.#warn);
  }

  readonly #warn = (message: string, cause: unknown): void => {
    this.#context.warn?.(message, cause);
  };
}

function segmentOptions(dataset: AcceleratedDataset, values: PartitionValues): SegmentOptions {
  return { dataset, values, sort: "", indexes: dataset.indexes.map((i) => i.columns) };
}
