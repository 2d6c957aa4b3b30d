import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { ColumnStatistics, Measure, Segment, TableVersion } from "../../ports/accelerator.ts";
import type { Connection, Json, SqlColumn } from "../../ports/database.ts";
import { duckType } from "../duckdb/duck-type.ts";

const fixedWidth: Readonly<Record<string, number>> = {
  BOOLEAN: 1,
  TINYINT: 1,
  UTINYINT: 1,
  SMALLINT: 2,
  USMALLINT: 2,
  INTEGER: 4,
  UINTEGER: 4,
  FLOAT: 4,
  DATE: 4,
};
/** Types with statistics. Not VARCHAR: finding its bounds cost a third of a load (measured). */
const ordered =
  /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*|DATE|TIME|TIMESTAMP.*|BOOLEAN|UUID)$/;

/** `SELECT` of exactly `columns` from rows that have `present`, widening and filling with NULL. */
export function conform(rows: string, present: readonly SqlColumn[], columns: readonly SqlColumn[]): string {
  const byName = new Map(present.map((c) => [c.name.toLowerCase(), c]));
  const list = columns.map((column) => {
    const name = quoteIdentifier(column.name);
    const have = byName.get(column.name.toLowerCase());
    if (have === undefined) return `CAST(NULL AS ${column.type}) AS ${name}`;
    const reference = quoteIdentifier(have.name);
    return have.type === column.type
      ? `${reference} AS ${name}`
      : `CAST(${reference} AS ${column.type}) AS ${name}`;
  });
  return `SELECT ${list.join(", ")} FROM ${rows}`;
}

/** 128-bit integers: the engine unpacks them a bit at a time, which takes a hundred times as long as reading them. */
const wide = /^(U?HUGEINT|DECIMAL\((19|[23]\d),.*)$/;

/** Statements that make a segment's table of the rows of `select`, whose columns are `columns`, sorted where asked. */
export function createSegment(
  relation: string,
  select: string,
  columns: readonly SqlColumn[],
  sort: string,
): readonly string[] {
  const rows = `SELECT * FROM (${select})${sort === "" ? "" : ` ORDER BY ${sort}`}`;
  const known = columns.every(({ type }) => duckType(type) !== undefined);
  if (!known || !columns.some(({ type }) => wide.test(type))) return [`CREATE TABLE ${relation} AS ${rows}`];
  const list = columns.map(({ name, type }) => {
    const compression = wide.test(type) ? " USING COMPRESSION uncompressed" : "";
    return `${quoteIdentifier(name)} ${type}${compression}`;
  });
  return [`CREATE TABLE ${relation} (${list.join(", ")})`, `INSERT INTO ${relation} ${rows}`];
}

export function sameColumns(a: readonly SqlColumn[], b: readonly SqlColumn[]): boolean {
  return a.length === b.length && a.every((c, i) => c.name === b[i]!.name && c.type === b[i]!.type);
}

/** Count and measure a segment that was just written, in one pass. */
export async function measureSegment(
  connection: Connection,
  id: string,
  relation: string,
  columns: readonly SqlColumn[],
): Promise<Segment> {
  const list = measureSql(columns).join(", ");
  const row = (await connection.rows(`SELECT ${list} FROM ${relation}`))[0]!;
  return { id, columns, ...measureOf(row, columns) };
}

/** Aggregates over rows with `columns` that {@link measureOf} reads. */
export function measureSql(columns: readonly SqlColumn[]): readonly string[] {
  const list = ["count(*) AS n"];
  columns.forEach((column, i) => {
    const name = quoteIdentifier(column.name);
    if (ordered.test(column.type)) {
      list.push(`CAST(min(${name}) AS VARCHAR) AS min${i}`, `CAST(max(${name}) AS VARCHAR) AS max${i}`);
      list.push(`count(${name}) AS c${i}`);
    }
    if (column.type === "VARCHAR") list.push(`sum(strlen(${name})) AS s${i}`);
  });
  return list;
}

/** The measure that a row of {@link measureSql} tells. */
export function measureOf(row: Readonly<Record<string, Json>>, columns: readonly SqlColumn[]): Measure {
  const rows = Number(row["n"]);
  let bytes = 0;
  const statistics: Record<string, ColumnStatistics> = {};
  columns.forEach(({ name, type }, i) => {
    const list = /[[(]/.test(type) && !/^DECIMAL/.test(type);
    bytes += type === "VARCHAR" ? Number(row[`s${i}`] ?? 0) : rows * (fixedWidth[type] ?? (list ? 32 : 8));
    if (!ordered.test(type)) return;
    const [min, max] = [text(row[`min${i}`]), text(row[`max${i}`])];
    statistics[name] = { min, max, nulls: rows - Number(row[`c${i}`]) };
  });
  return { rows, bytes, statistics };
}

/** The statistics of several segments together. A bound that one of them lacks is lacking in the whole. */
export async function mergeStatistics(
  connection: Connection,
  segments: readonly Segment[],
  columns: readonly SqlColumn[],
): Promise<TableVersion["statistics"]> {
  const filled = segments.filter((s) => s.rows > 0);
  if (filled.length === 0) return {};
  const list: string[] = [];
  const merged: Record<string, { nulls: number; open: boolean }> = {};
  columns.forEach((column, i) => {
    if (!ordered.test(column.type)) return;
    let nulls = 0;
    let open = false;
    const mins: string[] = [];
    const maxs: string[] = [];
    for (const segment of filled) {
      const own = segment.statistics[column.name];
      if (own === undefined) {
        nulls += segment.rows;
        continue;
      }
      nulls += own.nulls;
      if (own.nulls === segment.rows) continue;
      if (own.min === null || own.max === null) open = true;
      if (own.min !== null) mins.push(quoteLiteral(own.min));
      if (own.max !== null) maxs.push(quoteLiteral(own.max));
    }
    merged[column.name] = { nulls, open };
    list.push(
      `${extreme("min", mins, column.type)} AS min${i}`,
      `${extreme("max", maxs, column.type)} AS max${i}`,
    );
  });
  if (list.length === 0) return {};
  const row = (await connection.rows(`SELECT ${list.join(", ")}`))[0]!;
  const statistics: Record<string, ColumnStatistics> = {};
  columns.forEach((column, i) => {
    const own = merged[column.name];
    if (own === undefined) return;
    statistics[column.name] = {
      min: text(row[`min${i}`]),
      max: own.open ? null : text(row[`max${i}`]),
      nulls: own.nulls,
    };
  });
  return statistics;
}

function extreme(side: "min" | "max", literals: readonly string[], type: string): string {
  if (literals.length === 0) return "NULL";
  return `CAST(list_${side}(CAST([${literals.join(", ")}] AS ${type}[])) AS VARCHAR)`;
}

function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
