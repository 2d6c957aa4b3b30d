import {
  type ColumnType,
  dateInfinity,
  formatColumnType,
  sameType,
  ticksPerSecond,
  timestampInfinity,
} from "../column-type.ts";
import { floorDivide, formatValue, parseValue, type Value } from "../value.ts";

/** A function of one value that is not null. `undefined`: the result is not known here (not that it is NULL). */
export interface Conversion {
  readonly apply: (value: Exclude<Value, null>) => Exclude<Value, null> | undefined;
  /** Never decreases as the value grows. Outside the target's range it goes on growing instead of failing. */
  readonly increasing: boolean;
  /** Gives the very same value. */
  readonly identity?: boolean;
}

const same: Conversion = { apply: (value) => value, increasing: true, identity: true };
const increasing = (apply: (value: bigint) => Exclude<Value, null>): Conversion => ({
  apply: (value) => apply(value as bigint),
  increasing: true,
});
const plain = (apply: Conversion["apply"]): Conversion => ({ apply, increasing: false });

/** `CAST(value AS to)` as DuckDB does it in a session whose time zone is UTC; `undefined` for casts not known here. */
export function castBetween(from: ColumnType, to: ColumnType): Conversion | undefined {
  if (sameType(from, to) && from.kind !== "other") return same;
  switch (from.kind) {
    case "integer":
      return fromInteger(from, to);
    case "decimal":
      return fromDecimal(from.scale, to);
    case "boolean":
      if (to.kind === "integer") return plain((value) => (value === true ? 1n : 0n));
      return to.kind === "varchar" ? plain((value) => String(value)) : undefined;
    case "float":
      return to.kind === "float" && to.bits === 64 ? same : undefined;
    case "enum":
      return to.kind === "varchar" ? same : undefined;
    case "varchar":
      return fromText(to);
    case "date":
      if (to.kind === "timestamp" && (to.unit === "us" || to.unit === "ns")) return dateToTicks(to.unit);
      return to.kind === "varchar" ? calendarText(from) : undefined;
    case "timestamp":
      return fromTimestamp(from, to);
    case "uuid":
      return to.kind === "varchar" ? same : undefined;
    case "blob":
    case "time":
    case "other":
      return undefined;
  }
}

function fromInteger(from: Extract<ColumnType, { kind: "integer" }>, to: ColumnType): Conversion | undefined {
  switch (to.kind) {
    case "integer":
      return same;
    case "decimal": {
      const factor = 10n ** BigInt(to.scale);
      return increasing((value) => value * factor);
    }
    case "float":
      // A rounding done twice could differ, so only where one of the two steps is exact.
      if (to.bits === 64 && from.bits <= 64) return increasing((value) => Number(value));
      return to.bits === 32 && from.bits <= 32
        ? increasing((value) => Math.fround(Number(value)))
        : undefined;
    case "varchar":
      return plain((value) => String(value));
    case "boolean":
      return plain((value) => value !== 0n);
    default:
      return undefined;
  }
}

function fromDecimal(scale: number, to: ColumnType): Conversion | undefined {
  const target = to.kind === "integer" ? 0 : to.kind === "decimal" ? to.scale : undefined;
  if (target === undefined) return undefined;
  if (target >= scale) {
    const factor = 10n ** BigInt(target - scale);
    return increasing((value) => value * factor);
  }
  const divisor = 10n ** BigInt(scale - target);
  const half = divisor / 2n;
  return increasing((value) => (value < 0n ? value - half : value + half) / divisor);
}

function fromText(to: ColumnType): Conversion | undefined {
  switch (to.kind) {
    case "integer":
      return plain((value) => (/^-?\d{1,38}$/.test(value as string) ? BigInt(value as string) : undefined));
    case "date":
      return plain((value) =>
        /^\d{4}-\d{2}-\d{2}$/.test(value as string) ? parseValue(to, value as string) : undefined,
      );
    case "timestamp":
      return plain((value) =>
        /^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?)?$/.test(value as string)
          ? parseValue(to, value as string)
          : undefined,
      );
    case "boolean":
      return plain((value) => (value === "true" ? true : value === "false" ? false : undefined));
    default:
      return undefined;
  }
}

function fromTimestamp(
  from: Extract<ColumnType, { kind: "timestamp" }>,
  to: ColumnType,
): Conversion | undefined {
  if (to.kind === "timestamp") {
    // Between the kinds with and without zone nothing changes: the session's zone is UTC.
    if (to.unit === from.unit) return same;
    if (to.unit === "us") return increasing((ticks) => toMicros(from.unit, ticks));
    return undefined;
  }
  if (to.kind === "date") {
    return increasing((ticks) => {
      if (ticks >= timestampInfinity) return dateInfinity;
      if (ticks <= -timestampInfinity) return -dateInfinity;
      return floorDivide(toMicros(from.unit, ticks), 86_400_000_000n);
    });
  }
  return undefined;
}

/** Ticks in microseconds; infinities stay what they are. Nanoseconds are cut towards zero, as DuckDB does. */
export function toMicros(unit: "s" | "ms" | "us" | "ns", ticks: bigint): bigint {
  if (unit === "us" || ticks >= timestampInfinity || ticks <= -timestampInfinity) return ticks;
  if (unit === "ns") return ticks / 1000n;
  return withinTime(ticks * (1_000_000n / ticksPerSecond[unit]));
}

/** Ticks that no finite timestamp has, where the engine fails, come out next to the infinities. */
export function withinTime(ticks: bigint): bigint {
  if (ticks >= timestampInfinity) return timestampInfinity - 1n;
  return ticks <= -timestampInfinity ? 1n - timestampInfinity : ticks;
}

/** A date or timestamp in microseconds since the epoch. */
export function microsOf(type: ColumnType, value: bigint): bigint {
  if (type.kind === "date") {
    return ticksOfDate(value, 86_400_000_000n);
  }
  if (type.kind === "timestamp") return toMicros(type.unit, value);
  throw new RangeError(`${formatColumnType(type)} has no place in time`);
}

function dateToTicks(unit: "us" | "ns"): Conversion {
  const perDay = 86_400n * ticksPerSecond[unit];
  return increasing((days) => ticksOfDate(days, perDay));
}

function ticksOfDate(days: bigint, perDay: bigint): bigint {
  if (days >= dateInfinity) return timestampInfinity;
  if (days <= -dateInfinity) return -timestampInfinity;
  return withinTime(days * perDay);
}

/** Only where the text has no BC and no fifth digit of the year. */
function calendarText(type: ColumnType): Conversion {
  return plain((value) => {
    const text = formatValue(type, value);
    return /^\d{4}-/.test(text) ? text : undefined;
  });
}
