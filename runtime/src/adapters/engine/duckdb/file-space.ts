import { existsSync } from "node:fs";
import { mkdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf } from "../../../core/text/message-of.ts";
import {
  type Segment,
  StorageConflictError,
  type TableVersion,
  type UnitRecord,
} from "../../../ports/accelerator.ts";
import type { Connection, Database } from "../../../ports/database.ts";
import type { SegmentOptions, SegmentSpace } from "../segment-space.ts";
import { AttachedFile } from "./attached-file.ts";
import { documentLiteral, readDocument } from "./document.ts";

/** A shorter file has no complete headers: its creation was interrupted. */
const headerBytes = 3 * 4096;

/** `partition_mode: files`: the segments of one partition in a DuckDB file of its own, attached when it exists. */
export class FileSpace implements SegmentSpace {
  readonly database: Database;
  readonly file: string;
  readonly #root: string;
  readonly #attachment: AttachedFile;
  #options: SegmentOptions;
  #kept = false;

  constructor(
    database: Database,
    options: SegmentOptions,
    place: { file: string; root: string },
    warn: (message: string, cause: unknown) => void,
  ) {
    this.database = database;
    this.file = place.file;
    this.#root = place.root;
    this.#options = options;
    const name = `${options.dataset.name}/${options.dataset.unitPath(options.values)}`;
    this.#attachment = new AttachedFile(database, { path: place.file, name }, warn);
  }

  /** Take on the identity that the file's own row gave. */
  assume(options: SegmentOptions): void {
    this.#options = options;
  }

  /** Attach an existing file, sweep what no committed version uses, and tell what it holds. */
  async openExisting(): Promise<UnitRecord | undefined> {
    const { size } = await stat(this.file);
    if (size < headerBytes) {
      await this.#removeFiles();
      return undefined;
    }
    try {
      await this.#attachment.attach();
    } catch (error) {
      throw new StorageConflictError(
        "Format",
        `${this.file} cannot be opened: ${(error as Error).message}. If the file is damaged, remove it and the partition is loaded anew.`,
        error,
      );
    }
    try {
      return await this.#readExisting();
    } catch (error) {
      // Nobody knows of this space yet: attached it would keep every later attempt out.
      await this.#attachment.detach();
      throw error;
    }
  }

  async #readExisting(): Promise<UnitRecord | undefined> {
    const record = await this.#recordIfAny();
    if (record === undefined) {
      await this.#attachment.detach();
      await this.#removeFiles();
      return undefined;
    }
    this.#kept = true;
    await this.#attachment.sweep(new Set(["spice_partition", ...record.version.segments.map((s) => s.id)]));
    return record;
  }

  /** Without a list of tables, which needs every catalogue. */
  #recordIfAny(): Promise<UnitRecord | undefined> {
    const none = /^Catalog Error: Table with name spice_partition does not exist/;
    return this.#record().catch((missing: unknown) => {
      if (none.test(messageOf(missing))) return undefined;
      throw missing;
    });
  }

  async #record(): Promise<UnitRecord> {
    const table = this.#attachment.relation("spice_partition");
    const row = (await this.database.rows(`SELECT document FROM ${table}`))[0];
    return readDocument(String(row?.["document"]), this.#options.dataset, this.file);
  }

  async prepare(): Promise<void> {
    if (this.#attachment.attached) return;
    const isNew = !existsSync(this.file);
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await this.#attachment.attach();
    } catch (error) {
      // On a full disk half of a file is left, which nobody could open later.
      if (isNew) await this.#removeFiles();
      throw error;
    }
  }

  async abandon(): Promise<void> {
    if (this.#kept || !this.#attachment.attached) return;
    await this.#attachment.detach();
    await this.#removeFiles();
  }

  relation(segment: Pick<Segment, "id">): string {
    return this.#attachment.relation(segment.id);
  }

  async save(connection: Connection, version: TableVersion): Promise<void> {
    const document = documentLiteral(this.#options.dataset, this.#options.values, version);
    const table = this.#attachment.relation("spice_partition");
    await connection.run(`CREATE OR REPLACE TABLE ${table} AS SELECT ${document} AS document`);
  }

  committed(): void {
    this.#kept = true;
  }

  async recover(error: unknown): Promise<number | undefined> {
    if (!(await this.#attachment.recover(error))) return undefined;
    const record = await this.#recordIfAny();
    return record?.version.version;
  }

  /** Move the committed data from the log to its final place, or say why that waits. */
  settle(): Promise<void> {
    return this.#attachment.settle();
  }

  checkpoint(): Promise<void> {
    return this.#attachment.checkpoint();
  }

  close(): Promise<void> {
    return this.#attachment.detach();
  }

  async remove(): Promise<void> {
    await this.#attachment.detach();
    await this.#removeFiles();
    this.#kept = false;
  }

  async #removeFiles(): Promise<void> {
    await rm(this.file, { force: true });
    await rm(`${this.file}.wal`, { force: true });
    for (let dir = dirname(this.file); dir !== this.#root && dir.startsWith(this.#root); dir = dirname(dir)) {
      if (!existsSync(dir)) continue;
      try {
        await rmdir(dir);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOTEMPTY") return;
        throw error;
      }
    }
  }
}
