import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type AcceleratedDataset,
  AcceleratorParameterError,
  type AcceleratorTable,
  conform,
  type Database,
  DuplicateKeyError,
  emptyVersion,
  evolveColumns,
  type InsertMode,
  isStorageFull,
  mergeStatistics,
  type NativeRows,
  type PartitionValues,
  quoteIdentifier,
  SchemaMismatchError,
  type Segment,
  type SqlColumn,
  StorageFullError,
  sameColumns,
  type TableVersion,
  type TableWrite,
} from "@spice-shards/runtime/accelerator";
import { Attempt, relationOf } from "./attempt.ts";
import { checkStorable } from "./check-storable.ts";
import { makeDirectory, sync } from "./durable.ts";
import { manifestName, writeManifest } from "./manifest.ts";
import { fileName } from "./storage.ts";

/** More segments than this are merged by the next append: every file costs each query a scan. */
const mostSegments = 8;

/** What a write makes of a version, before it has a number and is measured as a whole. */
type Change = Pick<TableVersion, "watermark" | "position" | "columns" | "segments">;

/** One partition: a list of Parquet files, and the manifest that names those of the committed version. */
export class ParquetTable implements AcceleratorTable {
  readonly #database: Database;
  readonly #dataset: AcceleratedDataset;
  readonly #values: PartitionValues;
  readonly #directory: string;
  #current: TableVersion;

  constructor(options: {
    readonly database: Database;
    readonly dataset: AcceleratedDataset;
    readonly values: PartitionValues;
    readonly directory: string;
    /** What the directory's manifest says; undefined without one. */
    readonly current: TableVersion | undefined;
  }) {
    this.#database = options.database;
    this.#dataset = options.dataset;
    this.#values = options.values;
    this.#directory = options.directory;
    this.#current = options.current ?? emptyVersion(options.dataset.columns);
  }

  get current(): TableVersion {
    return this.#current;
  }

  scan(version: TableVersion, columns: readonly SqlColumn[] = version.columns): readonly string[] {
    return version.segments.map((segment) => this.#read(segment, columns));
  }

  async insert(rows: NativeRows, write: TableWrite, signal?: AbortSignal): Promise<TableVersion> {
    const number = write.version ?? this.#current.version + 1;
    if (number <= this.#current.version) {
      throw new RangeError(`Version ${number} cannot follow version ${this.#current.version}`);
    }
    const columns = this.#columnsAfter(rows.columns);
    return this.#commit(number, signal, async (attempt) => {
      const added =
        rows.empty === true ? undefined : await attempt.write(this.#incoming(rows, write, columns), columns);
      if (added !== undefined) await this.#checkKey(attempt, added, write.mode);
      const watermark = await this.#newest(attempt, added, write);
      await rows.confirm?.();
      const kept = write.mode.kind === "overwrite" ? [] : this.#current.segments;
      const segments = await this.#merge(attempt, [...kept, ...filled(added)], columns);
      return { watermark, position: write.position, columns, segments };
    });
  }

  async delete(predicate: string, signal?: AbortSignal): Promise<TableVersion> {
    const { columns, watermark, position, version, segments: old } = this.#current;
    return this.#commit(version + 1, signal, async (attempt) => {
      const segments: Segment[] = [];
      for (const segment of old) {
        const relation = this.#read(segment, columns);
        const hit = await attempt.rows(`SELECT 1 AS hit FROM ${relation} WHERE (${predicate}) LIMIT 1`);
        if (hit.length === 0) segments.push(segment);
        else {
          const rest = `SELECT * FROM ${relation} WHERE (${predicate}) IS NOT TRUE`;
          segments.push(...filled(await attempt.write(rest, columns)));
        }
      }
      const untouched = segments.length === old.length && segments.every((s, i) => s === old[i]);
      return untouched ? undefined : { watermark, position, columns, segments };
    });
  }

  async discard(version: TableVersion, keep: readonly TableVersion[]): Promise<void> {
    const used = new Set([...keep, this.#current].flatMap((v) => v.segments.map((s) => s.id)));
    for (const segment of version.segments) {
      if (!used.has(segment.id)) await rm(join(this.#directory, fileName(segment)), { force: true });
    }
  }

  async drop(): Promise<void> {
    // Without its manifest the partition is gone; a crash from here on leaves files that the next opening sweeps.
    await rm(join(this.#directory, manifestName), { force: true });
    for (const segment of this.#current.segments) {
      await rm(join(this.#directory, fileName(segment)), { force: true });
    }
    this.#current = emptyVersion(this.#current.columns);
    try {
      await sync(this.#directory);
      await rmdir(this.#directory);
    } catch (error) {
      // Nothing was written to it, or the partitions of an outer expression have theirs below it.
      if (!["ENOENT", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }

  #read(segment: Segment, columns: readonly SqlColumn[]): string {
    const relation = relationOf(this.#directory, segment);
    return sameColumns(segment.columns, columns)
      ? relation
      : `(${conform(relation, segment.columns, columns)})`;
  }

  #union(segments: readonly Segment[], columns: readonly SqlColumn[]): string {
    return segments.map((s) => `SELECT * FROM ${this.#read(s, columns)}`).join(" UNION ALL ");
  }

  #columnsAfter(incoming: readonly SqlColumn[]): readonly SqlColumn[] {
    const evolution = evolveColumns(this.#current.columns, incoming);
    if (evolution.kind !== "columns") {
      throw new SchemaMismatchError(
        `The schema of the source of ${this.#dataset.name} changed: ${evolution.reason}. The old data keeps serving. Remove the files below ${this.#directory} to take the new schema, or keep the old column by refresh_sql.`,
      );
    }
    checkStorable(this.#dataset.name, evolution.columns);
    return evolution.columns;
  }

  /** The rows that a write adds, as a SELECT of the table's columns. */
  #incoming(rows: NativeRows, { mode }: TableWrite, columns: readonly SqlColumn[]): string {
    const incoming = conform(`(${rows.sql})`, rows.columns, columns);
    switch (mode.kind) {
      case "overwrite": {
        const key = this.#dataset.primaryKey.map(quoteIdentifier).join(", ");
        if (key === "" || mode.duplicates.kind === "error") return incoming;
        const order = mode.duplicates.order === undefined ? "" : ` ORDER BY ${mode.duplicates.order}`;
        return `SELECT * FROM (${incoming}) QUALIFY row_number() OVER (PARTITION BY ${key}${order}) = 1`;
      }
      case "append": {
        const { segments } = this.#current;
        if (mode.reread === undefined || segments.length === 0) return incoming;
        const known = `SELECT * FROM (${this.#union(segments, columns)}) WHERE ${mode.reread}`;
        return `(${incoming}) EXCEPT ALL (${known})`;
      }
      case "upsert":
        // The capabilities say so, and spicepods are checked against them.
        throw new AcceleratorParameterError(`The engine parquet of ${this.#dataset.name} does not upsert`);
      default:
        return mode satisfies never;
    }
  }

  /** An overwrite without a rule for duplicates may have none. */
  async #checkKey(attempt: Attempt, segment: Segment, mode: InsertMode): Promise<void> {
    const key = this.#dataset.primaryKey;
    if (mode.kind !== "overwrite" || mode.duplicates.kind !== "error") return;
    if (key.length === 0 || segment.rows === 0) return;
    const list = key.map(quoteIdentifier).join(", ");
    const present = key.map((column) => `${quoteIdentifier(column)} IS NOT NULL`).join(" AND ");
    const relation = relationOf(this.#directory, segment);
    const [double] = await attempt.rows(
      `SELECT CAST((${list}) AS VARCHAR) AS key FROM ${relation} WHERE ${present} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
    );
    if (double === undefined) return;
    throw new DuplicateKeyError(
      `${this.#dataset.name} has several rows with (${key.join(", ")}) = ${String(double["key"])}. Say which one to keep by on_conflict (drop), or correct the key.`,
    );
  }

  /** The later of the watermark that the write brings and that of the rows that it added. */
  async #newest(attempt: Attempt, added: Segment | undefined, write: TableWrite): Promise<string | null> {
    if (write.watermarkSql === undefined || added === undefined || added.rows === 0) return write.watermark;
    const relation = relationOf(this.#directory, added);
    const newest = (await attempt.rows(`SELECT ${write.watermarkSql} AS newest FROM ${relation}`))[0]?.[
      "newest"
    ];
    if (typeof newest !== "string") return write.watermark;
    return write.watermark === null || newest > write.watermark ? newest : write.watermark;
  }

  /** Merge the small segments at the end; a first one that is most of the table stays as it is. */
  async #merge(
    attempt: Attempt,
    segments: readonly Segment[],
    columns: readonly SqlColumn[],
  ): Promise<readonly Segment[]> {
    if (segments.length <= mostSegments) return segments;
    const rest = segments.slice(1).reduce((sum, s) => sum + s.rows, 0);
    const from = segments[0]!.rows > 4 * rest ? 1 : 0;
    const merged = await attempt.write(this.#union(segments.slice(from), columns), columns);
    return [...segments.slice(0, from), ...filled(merged)];
  }

  /**
   * Write what `work` makes of the current version and put it into force. When this fails, the old version stays: what
   * was written goes at once, or, when the manifest names it already, with the next version.
   */
  async #commit(
    number: number,
    signal: AbortSignal | undefined,
    work: (attempt: Attempt) => Promise<Change | undefined>,
  ): Promise<TableVersion> {
    return this.#database.withConnection(async (connection) => {
      const place = { directory: this.#directory, dataset: this.#dataset };
      const attempt = new Attempt(connection, place, number, signal);
      let named = false;
      try {
        await makeDirectory(this.#directory);
        const change = await work(attempt);
        if (change === undefined) return this.#current;
        // Before the commit: what fails afterwards would be no failure of the write.
        await attempt.clean(change.segments);
        const version: TableVersion = {
          ...change,
          version: number,
          rows: change.segments.reduce((sum, s) => sum + s.rows, 0),
          bytes: change.segments.reduce((sum, s) => sum + s.bytes, 0),
          statistics: await mergeStatistics(connection, change.segments, change.columns),
        };
        await writeManifest(this.#directory, this.#dataset, { values: this.#values, version }, () => {
          named = true;
        });
        this.#current = version;
        return version;
      } catch (error) {
        if (!named) await attempt.clean();
        throw this.#storageError(error);
      }
    });
  }

  #storageError(error: unknown): unknown {
    if (!isStorageFull(error)) return error;
    return new StorageFullError(
      `No room to store a new version of ${this.#dataset.name} below ${this.#directory}. The old data keeps serving. Give the executor's volume more space, or narrow the dataset by refresh_sql.`,
      { cause: error },
    );
  }
}

/** A segment without rows is not kept. */
function filled(segment: Segment | undefined): Segment[] {
  return segment === undefined || segment.rows === 0 ? [] : [segment];
}
