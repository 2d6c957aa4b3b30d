import { evolveColumns } from "../../core/refresh/evolve-columns.ts";
import { quoteIdentifier } from "../../core/sql/quote.ts";
import { messageOf } from "../../core/text/message-of.ts";
import {
  type AcceleratorTable,
  DuplicateKeyError,
  type DuplicateRule,
  type NativeRows,
  SchemaMismatchError,
  type Segment,
  StorageFullError,
  type TableVersion,
  type TableWrite,
} from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { isStorageFull } from "./is-storage-full.ts";
import { Draft } from "./segment-draft.ts";
import type { SegmentOptions, SegmentSpace } from "./segment-space.ts";
import { conform, mergeStatistics, sameColumns } from "./segment-sql.ts";

/** More segments than this are merged by the next append: every segment costs each query a scan. */
const mostSegments = 8;

/** The empty table before the first commit. */
export function emptyVersion(columns: readonly SqlColumn[]): TableVersion {
  return {
    version: 0,
    watermark: null,
    position: null,
    columns,
    segments: [],
    rows: 0,
    bytes: 0,
    statistics: {},
  };
}

interface ScannedVersion {
  readonly version: TableVersion;
  readonly columns: readonly SqlColumn[];
  readonly relations: readonly string[];
}

/** A table as an ordered list of immutable segments in a {@link SegmentSpace}; what both built-in engines are. */
export class SegmentedTable implements AcceleratorTable {
  readonly #space: SegmentSpace;
  readonly #options: SegmentOptions;
  #current: TableVersion;
  #discarded = new Set<string>();
  /** What the last scan was told: most ask for the same version again. */
  #scanned: ScannedVersion | undefined;

  constructor(space: SegmentSpace, options: SegmentOptions, current?: TableVersion) {
    this.#space = space;
    this.#options = options;
    this.#current = current ?? emptyVersion(options.dataset.columns);
  }

  get current(): TableVersion {
    return this.#current;
  }

  scan(version: TableVersion, columns: readonly SqlColumn[] = version.columns): readonly string[] {
    const last = this.#scanned;
    if (last?.version === version && last.columns === columns) return last.relations;
    const relations = version.segments.map((segment) => this.#read(segment, columns));
    this.#scanned = { version, columns, relations };
    return relations;
  }

  async insert(rows: NativeRows, write: TableWrite, signal?: AbortSignal): Promise<TableVersion> {
    const columns = this.#columnsAfter(rows.columns);
    const number = write.version ?? this.#current.version + 1;
    if (number <= this.#current.version) {
      throw new RangeError(`Version ${number} cannot follow version ${this.#current.version}`);
    }
    return this.#commit(
      number,
      signal,
      async (draft) => {
        const base = { watermark: write.watermark, position: write.position, columns };
        draft.watermarkSql = write.watermarkSql;
        if (rows.empty === true) {
          return { ...base, segments: write.mode.kind === "overwrite" ? [] : this.#current.segments };
        }
        const incoming = conform(`(${rows.sql})`, rows.columns, columns);
        switch (write.mode.kind) {
          case "overwrite": {
            const added = await draft.write(
              this.#deduplicate(incoming, columns, write.mode.duplicates),
              columns,
            );
            await this.#checkKey(draft, added, columns, write.mode.duplicates);
            return { ...base, segments: filled(added) };
          }
          case "append": {
            const existing = this.#union(this.#current.segments, columns);
            const fresh =
              write.mode.reread === undefined || existing === undefined
                ? incoming
                : `(${incoming}) EXCEPT ALL (SELECT * FROM ${existing} WHERE ${write.mode.reread})`;
            const added = await draft.write(fresh, columns);
            return {
              ...base,
              segments: await this.#compact(draft, [...this.#current.segments, ...filled(added)], columns),
            };
          }
          case "upsert":
            return { ...base, segments: await this.#upsert(draft, incoming, columns, write.mode.duplicates) };
          default:
            return write.mode satisfies never;
        }
      },
      rows.confirm,
    );
  }

  async delete(predicate: string, signal?: AbortSignal): Promise<TableVersion> {
    const { columns, watermark, position, version } = this.#current;
    return this.#commit(version + 1, signal, async (draft) => {
      const segments: Segment[] = [];
      let deleted = false;
      for (const segment of this.#current.segments) {
        const relation = this.#read(segment, columns);
        const hit = await draft.rows(`SELECT 1 AS hit FROM ${relation} WHERE (${predicate}) LIMIT 1`);
        if (hit.length === 0) {
          segments.push(segment);
          continue;
        }
        deleted = true;
        segments.push(
          ...filled(await draft.write(`SELECT * FROM ${relation} WHERE (${predicate}) IS NOT TRUE`, columns)),
        );
      }
      return deleted ? { watermark, position, columns, segments } : undefined;
    });
  }

  async discard(version: TableVersion, keep: readonly TableVersion[]): Promise<void> {
    const used = new Set([...keep, this.#current].flatMap((v) => v.segments.map((s) => s.id)));
    for (const segment of version.segments) {
      if (used.has(segment.id) || this.#discarded.has(segment.id)) continue;
      await this.#recovering(() =>
        this.#space.database.run(`DROP TABLE IF EXISTS ${this.#space.relation(segment)}`),
      );
      this.#discarded.add(segment.id);
    }
  }

  async drop(): Promise<void> {
    await this.#recovering(() => this.#space.remove(this.#current));
  }

  /** The commit of a statement may checkpoint, and what that costs others on a full disk is undone. */
  async #recovering(statement: () => Promise<unknown>): Promise<void> {
    try {
      await statement();
    } catch (error) {
      await this.#space.recover(error);
      throw error;
    }
  }

  #read(segment: Segment, columns: readonly SqlColumn[]): string {
    const relation = this.#space.relation(segment);
    return sameColumns(segment.columns, columns)
      ? relation
      : `(${conform(relation, segment.columns, columns)})`;
  }

  #union(segments: readonly Segment[], columns: readonly SqlColumn[]): string | undefined {
    if (segments.length === 0) return undefined;
    return `(${segments.map((s) => `SELECT * FROM ${this.#read(s, columns)}`).join(" UNION ALL ")})`;
  }

  #columnsAfter(incoming: readonly SqlColumn[]): readonly SqlColumn[] {
    const evolution = evolveColumns(this.#current.columns, incoming);
    if (evolution.kind === "columns") return evolution.columns;
    throw new SchemaMismatchError(
      `The schema of the source of ${this.#options.dataset.name} changed: ${evolution.reason}. The old data keeps serving. Remove the acceleration's files (or rename the dataset) to take the new schema, or keep the old column by refresh_sql.`,
    );
  }

  #keyList(prefix = ""): string {
    return this.#options.dataset.primaryKey.map((c) => `${prefix}${quoteIdentifier(c)}`).join(", ");
  }

  #deduplicate(rows: string, columns: readonly SqlColumn[], rule: DuplicateRule): string {
    if (this.#options.dataset.primaryKey.length === 0 || rule.kind === "error") return rows;
    const order = rule.order === undefined ? "" : ` ORDER BY ${rule.order}`;
    const list = columns.map((c) => quoteIdentifier(c.name)).join(", ");
    return `SELECT ${list} FROM (${rows}) QUALIFY row_number() OVER (PARTITION BY ${this.#keyList()}${order}) = 1`;
  }

  async #checkKey(
    draft: Draft,
    segment: Segment,
    columns: readonly SqlColumn[],
    rule: DuplicateRule,
  ): Promise<void> {
    const { dataset } = this.#options;
    const unique = dataset.indexes.filter((i) => i.unique).map((i) => i.columns);
    if (rule.kind === "error" && dataset.primaryKey.length > 0) unique.push(dataset.primaryKey);
    for (const key of unique) await this.#checkUnique(draft, [segment], columns, key);
  }

  async #checkUnique(
    draft: Draft,
    segments: readonly Segment[],
    columns: readonly SqlColumn[],
    key: readonly string[],
  ): Promise<void> {
    const all = this.#union(segments, columns);
    if (all === undefined) return;
    const list = key.map(quoteIdentifier);
    const present = list.map((c) => `${c} IS NOT NULL`).join(" AND ");
    const double = await draft.rows(
      `SELECT CAST((${list.join(", ")}) AS VARCHAR) AS key FROM ${all} WHERE ${present} GROUP BY ${list.join(", ")} HAVING count(*) > 1 LIMIT 1`,
    );
    if (double.length === 0) return;
    throw new DuplicateKeyError(
      `${dataset(this.#options)} has several rows with (${key.join(", ")}) = ${String(double[0]!["key"])}. Say which one to keep by on_conflict (upsert or drop), or correct the key.`,
    );
  }

  async #upsert(
    draft: Draft,
    incoming: string,
    columns: readonly SqlColumn[],
    rule: DuplicateRule,
  ): Promise<readonly Segment[]> {
    const key = this.#options.dataset.primaryKey;
    const on = key.map((c) => `o.${quoteIdentifier(c)} = n.${quoteIdentifier(c)}`).join(" AND ");
    const existing = this.#union(this.#current.segments, columns);
    let fresh = this.#deduplicate(incoming, columns, rule);
    if (existing !== undefined) {
      // Rows of the overlap that did not change are left out: they would only cause rewriting.
      const same = columns
        .map((c) => `o.${quoteIdentifier(c.name)} IS NOT DISTINCT FROM n.${quoteIdentifier(c.name)}`)
        .join(" AND ");
      const match = rule.kind === "drop" ? on : `${on} AND ${same}`;
      fresh = `SELECT n.* FROM (${fresh}) n WHERE NOT EXISTS (SELECT 1 FROM ${existing} o WHERE ${match})`;
    }
    const added = await draft.write(fresh, columns);
    if (rule.kind === "error") await this.#checkUnique(draft, [added], columns, key);
    const segments: Segment[] = [];
    for (const segment of this.#current.segments) {
      const relation = this.#read(segment, columns);
      const matching = `EXISTS (SELECT 1 FROM ${draft.relation(added)} n WHERE ${on})`;
      const hit =
        rule.kind === "drop" || added.rows === 0
          ? []
          : await draft.rows(`SELECT 1 AS hit FROM ${relation} o WHERE ${matching} LIMIT 1`);
      if (hit.length === 0) segments.push(segment);
      else {
        segments.push(
          ...filled(await draft.write(`SELECT o.* FROM ${relation} o WHERE NOT ${matching}`, columns)),
        );
      }
    }
    const all = [...segments, ...filled(added)];
    for (const index of this.#options.dataset.indexes) {
      if (index.unique) await this.#checkUnique(draft, all, columns, index.columns);
    }
    return this.#compact(draft, all, columns);
  }

  /** Merge the small segments at the end; the large first one stays while it is most of the table. */
  async #compact(
    draft: Draft,
    segments: readonly Segment[],
    columns: readonly SqlColumn[],
  ): Promise<readonly Segment[]> {
    if (segments.length <= mostSegments) return segments;
    const rest = segments.slice(1).reduce((sum, s) => sum + s.rows, 0);
    const from = segments[0]!.rows > 4 * rest ? 1 : 0;
    const merged = await draft.write(`SELECT * FROM ${this.#union(segments.slice(from), columns)}`, columns);
    return [...segments.slice(0, from), ...filled(merged)];
  }

  async #commit(
    number: number,
    signal: AbortSignal | undefined,
    work: (draft: Draft) => Promise<Draft["next"] | undefined>,
    confirm?: () => Promise<void>,
  ): Promise<TableVersion> {
    let committed = false;
    let sealed: TableVersion | undefined;
    try {
      await this.#space.prepare();
      const next = await this.#space.database.withConnection(async (connection) => {
        await connection.run("BEGIN TRANSACTION");
        try {
          const draft = new Draft(connection, this.#space, this.#options, number, signal);
          const change = await work(draft);
          await confirm?.();
          if (change === undefined) {
            await connection.run("ROLLBACK");
            return undefined;
          }
          const version = await this.#seal(draft, number, change);
          const none = version.segments.length === 0 && this.#current.segments.length === 0;
          await this.#space.save(connection, version);
          if (none) {
            await connection.run("ROLLBACK");
            return version;
          }
          sealed = version;
          await connection.run("COMMIT");
          committed = true;
          return version;
        } catch (error) {
          await connection.run("ROLLBACK").catch(() => undefined); // The transaction may have ended by the error.
          throw error;
        }
      });
      if (committed) this.#space.committed();
      else await this.#space.abandon();
      if (next !== undefined) this.#current = next;
      return this.#current;
    } catch (error) {
      const held = await this.#space.recover(error);
      if (sealed !== undefined && held === sealed.version) {
        // Durable; only the engine's own checkpoint after it failed.
        this.#space.committed();
        this.#current = sealed;
        return sealed;
      }
      if (!committed) await this.#space.abandon();
      throw storageError(error, this.#options);
    }
  }

  async #seal(draft: Draft, version: number, next: NonNullable<Draft["next"]>): Promise<TableVersion> {
    const kept = new Set(next.segments.map((s) => s.id));
    for (const segment of draft.written) {
      if (!kept.has(segment.id)) await draft.run(`DROP TABLE ${draft.relation(segment)}`);
    }
    const watermark =
      draft.newest !== null && (next.watermark === null || draft.newest > next.watermark)
        ? draft.newest
        : next.watermark;
    return {
      ...next,
      watermark,
      version,
      rows: next.segments.reduce((sum, s) => sum + s.rows, 0),
      bytes: next.segments.reduce((sum, s) => sum + s.bytes, 0),
      statistics:
        next.segments.length === 1
          ? next.segments[0]!.statistics
          : await mergeStatistics(draft.connection, next.segments, next.columns),
    };
  }
}

function filled(segment: Segment): Segment[] {
  return segment.rows === 0 ? [] : [segment];
}

function dataset(options: SegmentOptions): string {
  const unit = options.dataset.unitPath(options.values);
  return unit === "" ? options.dataset.name : `${options.dataset.name} (${unit})`;
}

function storageError(error: unknown, options: SegmentOptions): unknown {
  if (!isStorageFull(error)) return error;
  return new StorageFullError(
    `No room to store a new version of ${dataset(options)}: ${messageOf(error)}. The old data keeps serving. Give the executor's volume more space, or narrow the dataset by refresh_sql.`,
    { cause: error },
  );
}
