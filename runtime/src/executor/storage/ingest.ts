import { attachMemory } from "../../adapters/engine/attach-memory.ts";
import { faultPoint } from "../../adapters/system/fault-point.ts";
import { forEachLimited } from "../../core/for-each-limited.ts";
import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { TableVersion, TableWrite } from "../../ports/accelerator.ts";
import { type Database, type SqlColumn, SqlError } from "../../ports/database.ts";
import { againAfterConflict } from "./again-after-conflict.ts";
import type { PartitionExpression } from "./dataset-config.ts";
import type { PartitionSlot } from "./partition-slot.ts";
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
/** Writers at a time: they wait for the disk a good part of their time. */
const writers = 4;
const part = '"spice partition"';

let stages = 0;

/**
 * Read the source once and give each partition its rows. Rows of partitions that are not among the targets are
 * dropped; a row whose key is NULL belongs to the NULL partition.
 *
 * One partition is written straight from the source. Several go through a staging table in memory (which spills),
 * sorted by partition when there are many; then each partition is written by itself, a few at a time.
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
    const newest = work.watermarkSql ?? "NULL";
    const counts = new Map(
      (
        await database.rows(
          `SELECT ${part} AS part, count(*)::VARCHAR AS n, ${newest} AS newest FROM ${stage} GROUP BY ALL`,
          { signal },
        )
      ).map((row) => [Number(row["part"]), row]),
    );
    let latest: string | null = null;
    let rows = 0;
    for (const row of counts.values()) {
      rows += Number(row["n"]);
      const own = row["newest"] === null ? null : String(row["newest"]);
      if (own !== null && (latest === null || own > latest)) latest = own;
    }
    onRows(rows);
    const written: IngestResult["written"][number][] = [];
    const failed: IngestResult["failed"][number][] = [];
    const list = work.columns.map((c) => quoteIdentifier(c.name)).join(", ");
    await forEachLimited([...work.targets.entries()], writers, async ([number, target]) => {
      const predicate = target.predicate === undefined ? "" : ` AND (${target.predicate})`;
      const source = {
        sql: `SELECT ${list} FROM ${stage} WHERE ${part} = ${number}${predicate}`,
        columns: work.columns,
        empty: !counts.has(number),
      };
      try {
        const insert = () =>
          target.slot.serial(() => target.slot.table.insert(source, target.write(latest), signal));
        // Each by itself: the rows have been read.
        const version = await againAfterConflict(insert, context, signal);
        faultPoint("mid-load");
        written.push({ slot: target.slot, version });
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ slot: target.slot, error });
      }
    });
    return { written, failed, rows };
  } finally {
    await database.run(`DROP TABLE IF EXISTS ${stage}`);
  }
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

/**
 * The source's rows with the number of their target. Unless the keys are bare columns of one target, it is found by a
 * hash join with the targets' values: a filter would be pushed below the keys' projection and compute them there anew
 * for each use of a part of them.
 */
function assignedSql(work: Ingest, types: readonly string[]): string {
  const list = work.columns.map((c) => `s.${quoteIdentifier(c.name)}`).join(", ");
  const values = work.partitionBy.map((_, i) => work.targets.map((t) => t.slot.values[i] ?? null));
  const narrowed = work.partitionBy
    .map((key, i) => narrowing(key, values[i]!, types[i]!))
    .filter((p) => p !== undefined);
  const where = narrowed.length === 0 ? "" : ` WHERE ${narrowed.join(" AND ")}`;
  if (work.targets.length === 1 && narrowed.length === work.partitionBy.length) {
    return `SELECT 0::UINTEGER AS ${part}, ${list} FROM (${work.sql}) s${where}`;
  }
  const keys = work.partitionBy.map((_, i) => `"spice key ${i}"`);
  const evaluated = work.partitionBy.map((key, i) => `(${key.sql}) AS ${keys[i]}`);
  const tuples = work.targets.map((_, number) => {
    const literals = types.map((type, i) => {
      const value = values[i]![number]!;
      return value === null ? `CAST(NULL AS ${type})` : typed(value, type);
    });
    return `(${[String(number), ...literals].join(", ")})`;
  });
  // Where no target is of NULL the faster equality drops the rows of NULL keys as well.
  const on = keys.map((key, i) => {
    const operator = values[i]!.includes(null) ? "IS NOT DISTINCT FROM" : "=";
    return `s.${key} ${operator} m.${key}`;
  });
  return `SELECT CAST(m.part AS UINTEGER) AS ${part}, ${list}
    FROM (SELECT *, ${evaluated.join(", ")} FROM (${work.sql})${where}) s
    JOIN (VALUES ${tuples.join(", ")}) m(part, ${keys.join(", ")}) ON ${on.join(" AND ")}`;
}

/** For a bare column: the wanted values as a predicate that the source can prune by. */
function narrowing(
  key: PartitionExpression,
  values: readonly (string | null)[],
  type: string,
): string | undefined {
  const distinct = [...new Set(values)];
  if (!key.plain || distinct.length > 1000) return undefined;
  const present = distinct.filter((v) => v !== null);
  const rules: string[] = [];
  if (present.length > 0) rules.push(`(${key.sql}) IN (${present.map((v) => typed(v, type)).join(", ")})`);
  if (present.length < distinct.length) rules.push(`(${key.sql}) IS NULL`);
  return `(${rules.join(" OR ")})`;
}

async function keyTypes(database: Database, work: Ingest, signal: AbortSignal): Promise<readonly string[]> {
  if (work.partitionBy.length === 0) return [];
  const list = work.partitionBy.map((key, i) => `(${key.sql}) AS k${i}`).join(", ");
  const described = await database.describe(`SELECT ${list} FROM (${work.sql})`, { signal });
  return described.map((c) => c.type);
}

/** A value's canonical text as a typed constant. */
function typed(text: string, type: string): string {
  if (type === "BLOB") return `unhex(${quoteLiteral(text)})`;
  return `CAST(${quoteLiteral(text)} AS ${type})`;
}
