import { evolveColumns } from "../../core/refresh/evolve-columns.ts";
import { quoteIdentifier } from "../../core/sql/quote.ts";
import {
  type AcceleratorTable,
  DuplicateKeyError,
  type DuplicateRule,
  type NativeRows,
  SchemaMismatchError,
  type Segment,
  type TableInsert,
  type TableVersion,
  type TableWrite,
} from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { type CommitPart, commitTogether, unitName } from "./segment-commit.ts";
import type { Draft } from "./segment-draft.ts";
import type { SegmentOptions, SegmentSpace } from "./segment-space.ts";
import { conform, sameColumns } from "./segment-sql.ts";

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
    const [version] = await commitTogether([this.#insertion(rows, write, signal)], rows.confirm);
    return this.#adopt(version);
  }

  /**
   * Write several tables in one transaction; see `Accelerator.insertTogether`. Undefined, with nothing done, unless all
   * are tables of this class whose spaces can share one.
   */
  static async insertTogether(
    inserts: readonly TableInsert[],
    signal?: AbortSignal,
  ): Promise<readonly TableVersion[] | undefined> {
    const tables: SegmentedTable[] = [];
    const parts: CommitPart[] = [];
    for (const { table, rows, write } of inserts) {
      if (!(table instanceof SegmentedTable) || table.#space.group === undefined) return undefined;
      if (table.#space.group !== (tables[0] ?? table).#space.group) return undefined;
      tables.push(table);
      parts.push(table.#insertion(rows, write, signal));
    }
    const versions = await commitTogether(parts);
    return tables.map((table, i) => table.#adopt(versions[i]));
  }

  #insertion(rows: NativeRows, write: TableWrite, signal: AbortSignal | undefined): CommitPart {
    const columns = this.#columnsAfter(rows.columns);
    const number = write.version ?? this.#current.version + 1;
    if (number <= this.#current.version) {
      throw new RangeError(`Version ${number} cannot follow version ${this.#current.version}`);
    }
    return this.#part(number, signal, async (draft) => {
      const base = { watermark: write.watermark, position: write.position, columns };
      draft.watermarkSql = write.watermarkSql;
      if (rows.empty === true) {
        return { ...base, segments: write.mode.kind === "overwrite" ? [] : this.#current.segments };
      }
      const incoming = conform(`(${rows.sql})`, rows.columns, columns);
      const measure = sameColumns(rows.columns, columns) ? rows.measure : undefined;
      switch (write.mode.kind) {
        case "overwrite": {
          const kept = this.#deduplicate(incoming, columns, write.mode.duplicates);
          const added = await draft.write(kept, columns, kept === incoming ? measure : undefined);
          await this.#checkKey(draft, added, columns, write.mode.duplicates);
          return { ...base, segments: filled(added) };
        }
        case "append": {
          const existing = this.#union(this.#current.segments, columns);
          const fresh =
            write.mode.reread === undefined || existing === undefined
              ? incoming
              : `(${incoming}) EXCEPT ALL (SELECT * FROM ${existing} WHERE ${write.mode.reread})`;
          const added = await draft.write(fresh, columns, fresh === incoming ? measure : undefined);
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
    });
  }

  async delete(predicate: string, signal?: AbortSignal): Promise<TableVersion> {
    const { columns, watermark, position, version } = this.#current;
    const part = this.#part(version + 1, signal, async (draft) => {
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
    return this.#adopt((await commitTogether([part]))[0]);
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
      `${unitName(this.#options)} has several rows with (${key.join(", ")}) = ${String(double[0]!["key"])}. Say which one to keep by on_conflict (upsert or drop), or correct the key.`,
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

  /** Take a committed version over; without one, nothing changed. */
  #adopt(version: TableVersion | undefined): TableVersion {
    if (version !== undefined) this.#current = version;
    return this.#current;
  }

  #part(number: number, signal: AbortSignal | undefined, write: CommitPart["write"]): CommitPart {
    return {
      space: this.#space,
      options: this.#options,
      number,
      before: this.#current,
      write,
      ...(signal === undefined ? {} : { signal }),
    };
  }
}

function filled(segment: Segment): Segment[] {
  return segment.rows === 0 ? [] : [segment];
}
