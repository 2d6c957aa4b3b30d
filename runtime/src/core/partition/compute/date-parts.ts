import { floorDivide } from "../value.ts";
import { civilFromDays, daysFromCivil, isoDayOfWeek, isoWeek } from "./calendar.ts";

/** Units of `date_part`, by every name that DuckDB accepts, that have an integer result. */
const partNames: Readonly<Record<string, readonly string[]>> = {
  millennium: ["millennia", "millenniums", "mil", "mils"],
  century: ["centuries", "cent", "c"],
  decade: ["decades", "dec", "decs"],
  year: ["years", "yr", "y", "yrs"],
  isoyear: [],
  quarter: ["quarters"],
  month: ["months", "mon", "mons"],
  week: ["weeks", "w", "weekofyear"],
  yearweek: [],
  day: ["days", "d", "dayofmonth"],
  dow: ["dayofweek", "weekday"],
  isodow: [],
  doy: ["dayofyear"],
  hour: ["hours", "hr", "h", "hrs"],
  minute: ["minutes", "min", "m", "mins"],
  second: ["seconds", "sec", "s", "secs"],
  millisecond: ["milliseconds", "ms", "msec", "msecs"],
  microsecond: ["microseconds", "us", "usec", "usecs"],
};

const canonicalPart: ReadonlyMap<string, string> = new Map(
  Object.entries(partNames).flatMap(([name, aliases]) => [name, ...aliases].map((alias) => [alias, name])),
);

/** The functions that are `date_part` of one unit: `year(c)`, `month(c)`, … */
export const partFunctions: ReadonlySet<string> = new Set([
  ...Object.keys(partNames),
  "dayofmonth",
  "dayofweek",
  "weekday",
  "weekofyear",
  "dayofyear",
]);

/** The unit's one name, or `undefined` for a unit that is unknown or has no integer result (`epoch`, `julian`). */
export function datePartUnit(text: string): string | undefined {
  return canonicalPart.get(text.toLowerCase());
}

/** Units whose value never falls as time goes on. */
export const increasingParts: ReadonlySet<string> = new Set([
  "millennium",
  "century",
  "decade",
  "year",
  "isoyear",
]);

/** For the units that repeat: the `date_trunc` unit within which the value is constant. */
export const cyclicStep: Readonly<Record<string, string>> = {
  quarter: "quarter",
  month: "month",
  week: "week",
  day: "day",
  dow: "day",
  isodow: "day",
  doy: "day",
  hour: "hour",
  minute: "minute",
  second: "second",
};

const dayMicros = 86_400_000_000n;

/** `date_part(unit, t)` for microseconds since the epoch, as DuckDB computes it. */
export function datePart(unit: string, micros: bigint): bigint {
  const dayNumber = floorDivide(micros, dayMicros);
  const days = Number(dayNumber);
  const inDay = micros - dayNumber * dayMicros;
  switch (unit) {
    case "hour":
      return inDay / 3_600_000_000n;
    case "minute":
      return (inDay / 60_000_000n) % 60n;
    case "second":
      return (inDay / 1_000_000n) % 60n;
    case "millisecond":
      return (inDay % 60_000_000n) / 1000n;
    case "microsecond":
      return inDay % 60_000_000n;
    default:
      return BigInt(calendarPart(unit, days));
  }
}

function calendarPart(unit: string, days: number): number {
  const { year, month, day } = civilFromDays(days);
  switch (unit) {
    case "year":
      return year;
    case "decade":
      return Math.trunc(year / 10);
    case "century":
      return year > 0 ? Math.trunc((year - 1) / 100) + 1 : -Math.trunc((100 - year) / 100);
    case "millennium":
      return year > 0 ? Math.trunc((year - 1) / 1000) + 1 : -Math.trunc((1000 - year) / 1000);
    case "quarter":
      return Math.floor((month - 1) / 3) + 1;
    case "month":
      return month;
    case "day":
      return day;
    case "dow":
      return isoDayOfWeek(days) % 7;
    case "isodow":
      return isoDayOfWeek(days);
    case "doy":
      return days - daysFromCivil(year, 1, 1) + 1;
    case "week":
      return isoWeek(days).week;
    case "isoyear":
      return isoWeek(days).year;
    case "yearweek": {
      const iso = isoWeek(days);
      return iso.year * 100 + (iso.year > 0 ? iso.week : -iso.week);
    }
    default:
      throw new RangeError(`Unknown date part ${unit}`);
  }
}
