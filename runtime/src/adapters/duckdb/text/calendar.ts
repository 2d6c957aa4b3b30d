import { civilFromDays } from "../../../core/partition/compute/calendar.ts";

/** Days since 1970-01-01 as an ISO 8601 date, proleptic Gregorian; years beyond four digits carry a sign. */
export function isoDate(days: number): string {
  const { year, month, day } = civilFromDays(days);
  return `${yearText(year)}-${two(month)}-${two(day)}`;
}

/** A time of day in `unit`s per second (1, 1e3, 1e6, 1e9), without trailing zeros in the fraction. */
export function isoTime(value: bigint, unit: bigint): string {
  const seconds = Number(value / unit);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const fraction = value % unit;
  if (fraction === 0n) return clock;
  const digits = String(unit).length - 1;
  return `${clock}.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
}

/** A moment in `unit`s per second since 1970-01-01T00:00:00. */
export function isoTimestamp(value: bigint, unit: bigint): string {
  const day = 86_400n * unit;
  let days = value / day;
  if (value % day < 0n) days -= 1n;
  return `${isoDate(Number(days))}T${isoTime(value - days * day, unit)}`;
}

/** An offset in seconds as `+HH:MM` or `+HH:MM:SS`. */
export function isoOffset(seconds: number): string {
  const size = Math.abs(seconds);
  const rest = size % 60 === 0 ? "" : `:${two(size % 60)}`;
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${rest}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, "0");
  return `${year < 0 ? "-" : "+"}${String(Math.abs(year)).padStart(6, "0")}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
