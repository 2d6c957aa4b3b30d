import { floorDivide } from "../value.ts";
import { civilFromDays, daysFromCivil, isoDayOfWeek } from "./calendar.ts";
import { datePartUnit } from "./date-parts.ts";

const units: ReadonlySet<string> = new Set([
  "millennium",
  "century",
  "decade",
  "year",
  "isoyear",
  "quarter",
  "month",
  "week",
  "day",
  "hour",
  "minute",
  "second",
  "millisecond",
  "microsecond",
]);

const dayMicros = 86_400_000_000n;
const spans: Readonly<Record<string, bigint>> = {
  day: dayMicros,
  hour: 3_600_000_000n,
  minute: 60_000_000n,
  second: 1_000_000n,
  millisecond: 1_000n,
  microsecond: 1n,
};

/** The unit's one name, or `undefined` when `date_trunc` does not know it. */
export function dateTruncUnit(text: string): string | undefined {
  const unit = datePartUnit(text);
  if (unit === "dow" || unit === "isodow" || unit === "doy") return "day";
  if (unit === "yearweek") return "week";
  return unit !== undefined && units.has(unit) ? unit : undefined;
}

/**
 * `date_trunc(unit, t)` for microseconds since the epoch. Decades, centuries and millennia go towards year 0, as
 * in DuckDB, so before year 0 the result lies after `t`; the function never decreases all the same.
 */
export function dateTrunc(unit: string, micros: bigint): bigint {
  const span = spans[unit];
  if (span !== undefined) return floorDivide(micros, span) * span;
  const days = Number(floorDivide(micros, dayMicros));
  return BigInt(firstDay(unit, days)) * dayMicros;
}

function firstDay(unit: string, days: number): number {
  const { year, month } = civilFromDays(days);
  switch (unit) {
    case "millennium":
      return daysFromCivil(Math.trunc(year / 1000) * 1000, 1, 1);
    case "century":
      return daysFromCivil(Math.trunc(year / 100) * 100, 1, 1);
    case "decade":
      return daysFromCivil(Math.trunc(year / 10) * 10, 1, 1);
    case "year":
      return daysFromCivil(year, 1, 1);
    case "isoyear": {
      const thursday = days - isoDayOfWeek(days) + 4;
      const january4 = daysFromCivil(civilFromDays(thursday).year, 1, 4);
      return january4 - isoDayOfWeek(january4) + 1;
    }
    case "quarter":
      return daysFromCivil(year, month - ((month - 1) % 3), 1);
    case "month":
      return daysFromCivil(year, month, 1);
    case "week":
      return days - isoDayOfWeek(days) + 1;
    default:
      throw new RangeError(`Unknown date_trunc unit ${unit}`);
  }
}

/** The first microsecond after the one `unit` (day, week, month, quarter or shorter) that `micros` lies in. */
export function nextStep(unit: string, micros: bigint): bigint {
  const start = dateTrunc(unit, micros);
  const span = spans[unit];
  if (span !== undefined) return start + span;
  if (unit === "week") return start + 7n * dayMicros;
  const { year, month } = civilFromDays(Number(start / dayMicros));
  const next = month + (unit === "quarter" ? 3 : 1);
  return BigInt(daysFromCivil(next > 12 ? year + 1 : year, next > 12 ? next - 12 : next, 1)) * dayMicros;
}
