import { attachMemory } from "../../adapters/engine/attach-memory.ts";
import { measureOf, measureSql } from "../../adapters/engine/segment-sql.ts";
import { faultPoint } from "../../adapters/system/fault-point.ts";
import { forEachLimited } from "../../core/for-each-limited.ts";
import { quoteIdentifier } from "../../core/sql/quote.ts";
import type { Accelerator, Measure, TableInsert, TableVersion, TableWrite } from "../../ports/accelerator.ts";
import { type Database, type SqlColumn, SqlError } from "../../ports/database.ts";
import { againAfterConflict } from "./again-after-conflict.ts";
import { assignedSql, keyTypes, part } from "./assigned-rows.ts";
import { commitGroups } from "./commit-groups.ts";
import type { PartitionExpression } from "./dataset-config.ts";
import { type PartitionSlot, serialOfAll } from "./partition-slot.ts";
import type { TableContext } from "./refresh-types.ts";

/** Rows of a source on their way into partitions. */
export interface Ingest {
  /** A SELECT that reads the source once. */
  readonly sql: string;
  readonly columns: readonly SqlColumn[];
  readonly partitionBy: readonly PartitionExpression[];
  readonly targets: readonly IngestTarget[];
  /** Awaited when all rows were read, before any is committed; when it rejects, none is. */
  readonly confirm: () => Promise<void>;
  /** See `Accelerator.insertTogether`. */
  readonly insertTogether?: NonNullable<Accelerator["insertTogether"]>;
  /** SQL aggregate of the watermark over the rows, if the dataset has one. */
  readonly watermarkSql?: string;
}

export interface IngestTarget {
  readonly slot: PartitionSlot;
  /** A predicate over the table's columns that narrows the rows of this partition. */
  readonly predicate?: string;
  /** The write, once it is known up to when the source was read. */
  write(newest: string | null): TableWrite;
}

export interface IngestResult {
  readonly written: readonly { readonly slot: PartitionSlot; readonly version: TableVersion }[];
  readonly failed: readonly { readonly slot: PartitionSlot; readonly error: unknown }[];
  readonly rows: number;
}

/** Up to here a filtered pass over unsorted rows per partition is cheaper than sorting them once (measured). */
const sortAbove = 16;
/** From here on, rows that do not fit into memory are sorted after all: a pass per partition would read them all. */
const sortSpilledFrom = 4;
/** Columns times partitions that are measured at once: each takes a hundred bytes or so of the engine's memory. */
const mostMeasured = 100_000;
/** Writers at a time: they wait for the disk a good part of their time. */
const writers = 4;

let stages = 0;

/**
 * Read the source once and give each partition its rows. Rows of partitions that are not among the targets are
 * dropped; a row whose key is NULL belongs to the NULL partition.
 *
 * One partition is written straight from the source. Several go through a staging table in memory (which spills),
 * sorted by partition when there are many; then partitions are written by a few writers, small ones several a commit.
 */
export async function ingest(
  context: Pick<TableContext, "database" | "clock" | "warn">,
  work: Ingest,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<IngestResult> {
  const only = work.targets.length === 1 ? work.targets[0]! : undefined;
  return only === undefined
    ? ingestMany(context, work, signal, onRows)
    : ingestOne(context.database, work, only, signal, onRows);
}

async function ingestOne(
  database: Database,
  work: Ingest,
  target: IngestTarget,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<IngestResult> {
  const types = await keyTypes(database, work, signal);
  const assigned = assignedSql(work, types);
  const where = target.predicate === undefined ? "" : ` WHERE (${target.predicate})`;
  const { columns, confirm } = work;
  const list = columns.map((c) => quoteIdentifier(c.name)).join(", ");
  const rows = { sql: `SELECT ${list} FROM (${assigned})${where}`, columns, confirm };
  const before = target.slot.current.rows;
  const write = target.write(null);
  const version = await target.slot.serial(() =>
    target.slot.table.insert(
      rows,
      work.watermarkSql === undefined ? write : { ...write, watermarkSql: work.watermarkSql },
      signal,
    ),
  );
  const count = write.mode.kind === "overwrite" ? version.rows : Math.max(0, version.rows - before);
  onRows(count);
  return { written: [{ slot: target.slot, version }], failed: [], rows: count };
}

async function ingestMany(
  context: Pick<TableContext, "database" | "clock" | "warn">,
  work: Ingest,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<IngestResult> {
  const { database } = context;
  const types = await keyTypes(database, work, signal);
  const stage = `spice_stage.main.t${++stages}`;
  await attachMemory(database, "spice_stage");
  try {
    await stageRows(database, stage, work, types, signal);
    await work.confirm();
    const staged = await measureStage(database, stage, work, signal);
    let latest: string | null = null;
    let rows = 0;
    for (const { rows: own, newest } of staged.values()) {
      rows += own;
      if (newest !== null && (latest === null || newest > latest)) latest = newest;
    }
    onRows(rows);
    const written: IngestResult["written"][number][] = [];
    const failed: IngestResult["failed"][number][] = [];
    const list = work.columns.map((c) => quoteIdentifier(c.name)).join(", ");
    const insertOf = (number: number) => {
      const { slot, predicate, write } = work.targets[number]!;
      const measure = staged.get(number)?.measure;
      const filter = predicate === undefined ? "" : ` AND (${predicate})`;
      const source = {
        sql: `SELECT ${list} FROM ${stage} WHERE ${part} = ${number}${filter}`,
        columns: work.columns,
        empty: !staged.has(number),
        ...(measure === undefined || predicate !== undefined ? {} : { measure }),
      };
      return { table: slot.table, rows: source, write: write(latest) };
    };
    const bytes = work.targets.map((_, number) =>
      staged.has(number) ? staged.get(number)?.measure?.bytes : 0,
    );
    await forEachLimited(commitGroups(bytes, writers), writers, async (group) => {
      const slots = group.map((number) => work.targets[number]!.slot);
      const versions = await together(work, slots, () => group.map(insertOf), signal);
      for (const [i, slot] of slots.entries()) {
        try {
          const alone = () => {
            const { rows: source, write } = insertOf(group[i]!);
            return slot.serial(() => slot.table.insert(source, write, signal));
          };
          // Each by itself: the rows have been read.
          const version = versions?.[i] ?? (await againAfterConflict(alone, context, signal));
          faultPoint("mid-load");
          written.push({ slot, version });
        } catch (error) {
          signal.throwIfAborted();
          failed.push({ slot, error });
        }
      }
    });
    return { written, failed, rows };
  } finally {
    await database.run(`DROP TABLE IF EXISTS ${stage}`);
  }
}

/**
 * The versions of several partitions that are committed at once; undefined where that cannot be. Then, and when one of
 * them fails, each is written by itself, and has its own failure.
 */
async function together(
  work: Ingest,
  slots: readonly PartitionSlot[],
  inserts: () => readonly TableInsert[],
  signal: AbortSignal,
): Promise<readonly TableVersion[] | undefined> {
  const { insertTogether } = work;
  if (slots.length < 2 || insertTogether === undefined) return undefined;
  try {
    return await serialOfAll(slots, () => insertTogether(inserts(), signal));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

interface StagedPart {
  readonly rows: number;
  readonly newest: string | null;
  readonly measure?: Measure;
}

/** What the staging table has for each target; those without rows are absent. Many partitions are measured at once. */
async function measureStage(
  database: Database,
  stage: string,
  work: Ingest,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, StagedPart>> {
  const { columns, targets } = work;
  const measured = targets.length > sortAbove && targets.length * columns.length <= mostMeasured;
  const list = [`${part} AS part`, `${work.watermarkSql ?? "NULL"} AS newest`];
  list.push(...measureSql(measured ? columns : []));
  const found = await database.rows(`SELECT ${list.join(", ")} FROM ${stage} GROUP BY ${part}`, { signal });
  return new Map(
    found.map((row) => {
      const measure = measureOf(row, measured ? columns : []);
      const newest = row["newest"] === null ? null : String(row["newest"]);
      return [Number(row["part"]), { rows: measure.rows, newest, ...(measured ? { measure } : {}) }];
    }),
  );
}

/**
 * Fill the staging table. Sorted by partition, each partition is one short range of it, however large it is; but a
 * sort of very wide rows can need more memory than there is, and then unsorted rows serve too, only slower.
 */
async function stageRows(
  database: Database,
  stage: string,
  work: Ingest,
  types: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const rows = assignedSql(work, types);
  const create = (name: string, sql: string) => database.run(`CREATE TABLE ${name} AS ${sql}`, { signal });
  if (work.targets.length > sortAbove && (await fits(() => create(stage, `${rows} ORDER BY ${part}`))))
    return;
  await create(stage, rows);
  if (
    work.targets.length <= sortAbove &&
    work.targets.length >= sortSpilledFrom &&
    (await spills(database))
  ) {
    const sorted = `${stage}_sorted`;
    try {
      if (await fits(() => create(sorted, `SELECT * FROM ${stage} ORDER BY ${part}`))) {
        await database.run(`DROP TABLE ${stage}`);
        await database.run(`ALTER TABLE ${sorted} RENAME TO ${stage.slice(stage.lastIndexOf(".") + 1)}`);
      }
    } finally {
      await database.run(`DROP TABLE IF EXISTS ${sorted}`);
    }
  }
}

/** False when the engine ran out of memory; nothing is left of the attempt. */
async function fits(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof SqlError && error.category === "Out of Memory") return false;
    throw error;
  }
}

/** Whether the engine's data is larger than its memory: then every pass over all of it reads the disk. */
async function spills(database: Database): Promise<boolean> {
  const row = (
    await database.rows("SELECT coalesce(sum(size), 0) > 0 AS yes FROM duckdb_temporary_files()")
  )[0];
  return row?.["yes"] === true;
}
