import { quoteIdentifier } from "../sql/quote.ts";

/** `time_format`: how a time column is written. */
export type TimeFormat = "timestamp" | "unix_seconds" | "unix_millis" | "ISO8601" | "date";

/** A column that tells when a row came to be. */
export interface TimeColumn {
  readonly name: string;
  /** Its DuckDB type. */
  readonly type: string;
  readonly format: TimeFormat;
}

const isInteger = (type: string) => /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type);
const day = 86_400_000_000n;

/** Microseconds since 1970 of a watermark text `YYYY-MM-DD HH:MM:SS.ffffff`. */
export function parseInstant(text: string): bigint {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{6})$/.exec(text);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`) / 1000;
  if (match === null || Number.isNaN(seconds)) throw new RangeError(`'${text}' is no watermark`);
  return BigInt(seconds) * 1_000_000n + BigInt(match[3]!);
}

/** The inverse of {@link parseInstant}, for the years 0 to 9999; outside of them the nearest end. */
export function formatInstant(micros: bigint): string {
  const [low, high] = [-62_167_219_200_000_000n, 253_402_300_799_999_999n];
  const bounded = micros < low ? low : micros > high ? high : micros;
  const millis = floorDivide(bounded, 1_000n);
  const rest = bounded - floorDivide(bounded, 1_000_000n) * 1_000_000n;
  const text = new Date(Number(millis)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}.${String(rest).padStart(6, "0")}`;
}

/** SQL that gives the column's time as a TIMESTAMP in UTC (the session's zone is UTC). */
export function timeSql(column: TimeColumn): string {
  const name = quoteIdentifier(column.name);
  if (/^TIMESTAMP/.test(column.type) || column.type === "DATE") return `CAST(${name} AS TIMESTAMP)`;
  switch (column.format) {
    case "unix_seconds":
      return `make_timestamp(CAST(${name} * 1000000 AS BIGINT))`;
    case "unix_millis":
      return `make_timestamp(CAST(${name} * 1000 AS BIGINT))`;
    case "timestamp":
    case "ISO8601":
    case "date":
      return `CAST(CAST(${name} AS TIMESTAMPTZ) AS TIMESTAMP)`;
  }
}

/** SQL aggregate that gives the newest finite time of the rows as watermark text, or NULL. */
export function watermarkSql(column: TimeColumn): string {
  const time = timeSql(column);
  return `strftime(max(${time}) FILTER (WHERE isfinite(${time})), '%Y-%m-%d %H:%M:%S.%f')`;
}

/** SQL for "later than `cutoff`", written on the bare column where its type allows, so that a source can prune. */
export function afterSql(column: TimeColumn, cutoff: string): string {
  const name = quoteIdentifier(column.name);
  const micros = parseInstant(cutoff);
  if (column.type === "TIMESTAMP WITH TIME ZONE") return `${name} > TIMESTAMPTZ '${cutoff}+00'`;
  if (/^TIMESTAMP/.test(column.type)) return `${name} > TIMESTAMP '${cutoff}'`;
  if (column.type === "DATE") return `${name} > DATE '${cutoff.slice(0, 10)}'`;
  switch (column.format) {
    case "unix_seconds":
      return `${name} > ${isInteger(column.type) ? floorDivide(micros, 1_000_000n) : decimal(micros, 6)}`;
    case "unix_millis":
      return `${name} > ${isInteger(column.type) ? floorDivide(micros, 1_000n) : decimal(micros, 3)}`;
    case "timestamp":
    case "ISO8601":
    case "date":
      return `CAST(${name} AS TIMESTAMPTZ) > TIMESTAMPTZ '${cutoff}+00'`;
  }
}

/**
 * SQL that holds for every row later than `cutoff`, on a coarser column (`time_partition_column`) that is at most a
 * day wide: not before the cutoff's day.
 */
export function partitionAfterSql(column: TimeColumn, cutoff: string): string {
  const start = floorDivide(parseInstant(cutoff), day) * day - 1n;
  return afterSql(column, formatInstant(start));
}

/** Whether the column's unit is finer than a watermark's microseconds: then the last instant is read again. */
export function finerThanWatermark(column: TimeColumn): boolean {
  return column.type === "TIMESTAMP_NS" || (column.format.startsWith("unix") && !isInteger(column.type));
}

/** `text` moved back by `ms`. */
export function before(text: string, ms: number): string {
  return formatInstant(parseInstant(text) - BigInt(ms) * 1_000n);
}

function decimal(micros: bigint, digits: number): string {
  const sign = micros < 0n ? "-" : "";
  const text = String(micros < 0n ? -micros : micros).padStart(digits + 1, "0");
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
