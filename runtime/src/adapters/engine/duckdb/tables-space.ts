import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { quoteLiteral } from "../../../core/sql/quote.ts";
import {
  type AcceleratedDataset,
  type Segment,
  StorageConflictError,
  type TableVersion,
  type UnitRecord,
} from "../../../ports/accelerator.ts";
import type { Connection, Database } from "../../../ports/database.ts";
import { caseSafe, type SegmentOptions, type SegmentSpace, type SpaceGroup } from "../segment-space.ts";
import { AttachedFile } from "./attached-file.ts";
import { documentLiteral, readDocument } from "./document.ts";

/** The one file of `partition_mode: tables`, and of an unpartitioned dataset. */
export class TablesFile implements SpaceGroup {
  readonly database: Database;
  readonly file: string;
  readonly #attachment: AttachedFile;
  #attached: Promise<void> | undefined;

  constructor(
    database: Database,
    dataset: AcceleratedDataset,
    file: string,
    warn: (message: string, cause: unknown) => void,
  ) {
    this.database = database;
    this.file = file;
    this.#attachment = new AttachedFile(database, { path: file, name: dataset.name }, warn);
  }

  /** Attach the file, made when absent; waits while it is attached again. */
  async attach(): Promise<void> {
    this.#attached ??= this.#attach();
    await this.#attached;
    await this.#attachment.attach();
  }

  /** See {@link AttachedFile.recover}. */
  recover(error: unknown): Promise<boolean> {
    return this.#attachment.recover(error);
  }

  /** What the file holds; tables that no committed version uses are swept. */
  async open(dataset: AcceleratedDataset): Promise<readonly UnitRecord[]> {
    await this.attach();
    const rows = await this.database.rows(`SELECT document FROM ${this.relation("spice_partitions")}`);
    const records = rows.map((row) => readDocument(String(row["document"]), dataset, this.file));
    const used = new Set(["spice_partitions"]);
    for (const record of records) {
      for (const segment of record.version.segments) used.add(tableName(dataset, record.values, segment));
    }
    await this.#attachment.sweep(used);
    return records;
  }

  relation(table: string): string {
    return this.#attachment.relation(table);
  }

  async save(
    connection: Connection,
    states: readonly { readonly options: SegmentOptions; readonly version: TableVersion }[],
  ): Promise<void> {
    const rows = states.map(({ options: { dataset, values }, version }) => {
      const key = quoteLiteral(JSON.stringify(values));
      return { key, row: `(${key}, ${documentLiteral(dataset, values, version)})` };
    });
    const table = this.relation("spice_partitions");
    await connection.run(`DELETE FROM ${table} WHERE key IN (${rows.map(({ key }) => key).join(", ")})`);
    await connection.run(`INSERT INTO ${table} VALUES ${rows.map(({ row }) => row).join(", ")}`);
  }

  checkpoint(): Promise<void> {
    return this.#attachment.settle();
  }

  async close(): Promise<void> {
    if (this.#attached === undefined) return;
    this.#attached = undefined;
    await this.#attachment.detach();
  }

  async #attach(): Promise<void> {
    const isNew = !existsSync(this.file);
    await mkdir(dirname(this.file), { recursive: true });
    try {
      await this.#attachment.attach();
      await this.database.run(
        `CREATE TABLE IF NOT EXISTS ${this.relation("spice_partitions")} (key VARCHAR, document VARCHAR)`,
      );
    } catch (error) {
      this.#attached = undefined;
      // Attached it would keep every later attempt out.
      await this.#attachment.detach();
      if (isNew) {
        // On a full disk half of a file is left, which nobody could open later.
        for (const file of [this.file, `${this.file}.wal`]) await rm(file, { force: true });
        throw error;
      }
      throw new StorageConflictError(
        "Format",
        `${this.file} cannot be opened: ${(error as Error).message}. If the file is damaged, remove it and the dataset is loaded anew.`,
        error,
      );
    }
  }
}

/** One partition's tables in the one file. */
export class TablesSpace implements SegmentSpace {
  readonly database: Database;
  readonly group: SpaceGroup;
  readonly #file: TablesFile;
  readonly #options: SegmentOptions;

  constructor(file: TablesFile, options: SegmentOptions) {
    this.database = file.database;
    this.group = file;
    this.#file = file;
    this.#options = options;
  }

  prepare(): Promise<void> {
    return this.#file.attach();
  }

  async abandon(): Promise<void> {}

  relation(segment: Pick<Segment, "id">): string {
    return this.#file.relation(tableName(this.#options.dataset, this.#options.values, segment));
  }

  save(connection: Connection, version: TableVersion): Promise<void> {
    return this.#file.save(connection, [{ options: this.#options, version }]);
  }

  committed(): void {}

  async recover(error: unknown): Promise<number | undefined> {
    if (!(await this.#file.recover(error))) return undefined;
    const { dataset, values } = this.#options;
    const key = quoteLiteral(JSON.stringify(values));
    const table = this.#file.relation("spice_partitions");
    const [row] = await this.database.rows(`SELECT document FROM ${table} WHERE key = ${key}`);
    return row === undefined
      ? undefined
      : readDocument(String(row["document"]), dataset, this.#file.file).version.version;
  }

  async remove(version: TableVersion): Promise<void> {
    const key = quoteLiteral(JSON.stringify(this.#options.values));
    await this.database.withConnection(async (connection) => {
      await connection.run("BEGIN TRANSACTION");
      try {
        for (const segment of version.segments) {
          await connection.run(`DROP TABLE IF EXISTS ${this.relation(segment)}`);
        }
        await connection.run(`DELETE FROM ${this.#file.relation("spice_partitions")} WHERE key = ${key}`);
        await connection.run("COMMIT");
      } catch (error) {
        await connection.run("ROLLBACK").catch(() => undefined); // The transaction may have ended by the error.
        throw error;
      }
    });
  }
}

function tableName(
  dataset: AcceleratedDataset,
  values: SegmentOptions["values"],
  segment: Pick<Segment, "id">,
): string {
  return caseSafe(`${dataset.unitPath(values) || "data"}#${segment.id}`);
}
