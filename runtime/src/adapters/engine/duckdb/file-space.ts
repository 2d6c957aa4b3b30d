import { existsSync } from "node:fs";
import { mkdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { quoteIdentifier, quoteLiteral } from "../../../core/sql/quote.ts";
import {
  type Segment,
  StorageConflictError,
  type TableVersion,
  type UnitRecord,
} from "../../../ports/accelerator.ts";
import type { Connection, Database } from "../../../ports/database.ts";
import { caseSafe, type SegmentOptions, type SegmentSpace } from "../segment-space.ts";
import { documentLiteral, readDocument } from "./document.ts";

/** A shorter file has no complete headers: its creation was interrupted. */
const headerBytes = 3 * 4096;

/** `partition_mode: files`: the segments of one partition in a DuckDB file of its own, attached when it exists. */
export class FileSpace implements SegmentSpace {
  readonly database: Database;
  readonly file: string;
  readonly #root: string;
  readonly #alias: string;
  #options: SegmentOptions;
  readonly #warn: (message: string, cause: unknown) => void;
  #attached = false;
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
    this.#warn = warn;
    this.#alias = quoteIdentifier(
      caseSafe(`${options.dataset.name}/${options.dataset.unitPath(options.values)}`),
    );
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
      await this.#attach();
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
      if (this.#attached) await this.#detach();
      throw error;
    }
  }

  async #readExisting(): Promise<UnitRecord | undefined> {
    const tables = await this.database.rows(
      `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = ${this.#aliasLiteral()}`,
    );
    const names = new Set(tables.map((t) => String(t["name"])));
    if (!names.has("spice_partition")) {
      await this.#detach();
      await this.#removeFiles();
      return undefined;
    }
    this.#kept = true;
    const row = (await this.database.rows(`SELECT document FROM ${this.#alias}.main.spice_partition`))[0];
    const record = readDocument(String(row?.["document"]), this.#options.dataset, this.file);
    const used = new Set(record.version.segments.map((s) => s.id));
    for (const name of names) {
      if (name === "spice_partition" || used.has(name)) continue;
      await this.database.run(`DROP TABLE ${this.relation({ id: name })}`);
    }
    return record;
  }

  async prepare(): Promise<void> {
    if (this.#attached) return;
    const isNew = !existsSync(this.file);
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await this.#attach();
    } catch (error) {
      // On a full disk half of a file is left, which nobody could open later.
      if (isNew) await this.#removeFiles();
      throw error;
    }
  }

  async abandon(): Promise<void> {
    if (this.#kept || !this.#attached) return;
    await this.#detach();
    await this.#removeFiles();
  }

  relation(segment: Pick<Segment, "id">): string {
    return `${this.#alias}.main.${quoteIdentifier(segment.id)}`;
  }

  async save(connection: Connection, version: TableVersion): Promise<void> {
    const document = documentLiteral(this.#options.dataset, this.#options.values, version);
    await connection.run(
      `CREATE OR REPLACE TABLE ${this.#alias}.main.spice_partition AS SELECT ${document} AS document`,
    );
  }

  committed(): void {
    this.#kept = true;
  }

  /** Move the committed data from the log to its final place. */
  async settle(): Promise<void> {
    try {
      await this.checkpoint();
    } catch (error) {
      // The commit is durable in the log, which the next checkpoint or start takes over.
      this.#warn(`Checkpoint of ${this.file} was put off`, error);
    }
  }

  async checkpoint(): Promise<void> {
    if (this.#attached) await this.database.run(`CHECKPOINT ${this.#alias}`);
  }

  async close(): Promise<void> {
    if (this.#attached) await this.#detach();
  }

  async remove(): Promise<void> {
    if (this.#attached) await this.#detach();
    await this.#removeFiles();
    this.#kept = false;
  }

  async #attach(): Promise<void> {
    await this.database.run(`ATTACH ${quoteLiteral(this.file)} AS ${this.#alias}`);
    this.#attached = true;
  }

  async #detach(): Promise<void> {
    this.#attached = false;
    await this.database.run(`DETACH ${this.#alias}`);
  }

  #aliasLiteral(): string {
    return quoteLiteral(this.#alias.slice(1, -1).replaceAll('""', '"'));
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
