import { type ColumnType, dateInfinity, ticksPerSecond, timestampInfinity } from "./column-type.ts";
import { civilFromDays, daysFromCivil } from "./compute/calendar.ts";

/**
 * One value. Integers, unscaled decimals, days of a date and ticks of a time or timestamp (in the type's own unit)
 * are bigint; floats are number; binary is bytes.
 */
export type Value = null | boolean | bigint | number | string | Uint8Array;

const dayTicks = 86_400n;

/**
 * The canonical text of a value that is not null: what partition values, object paths and the cluster document
 * hold. Integers in decimal, `true`/`false`, dates as `2026-01-31`, timestamps in ISO-8601 UTC with six digits of
 * fraction when it is not zero (nine for nanoseconds), strings as they are, binary in hexadecimal.
 */
export function formatValue(type: ColumnType, value: Exclude<Value, null>): string {
  switch (type.kind) {
    case "date":
      return formatDate(value as bigint);
    case "timestamp":
      return formatTimestamp(value as bigint, type.unit);
    case "decimal":
      return formatDecimal(value as bigint, type.scale);
    case "blob":
      return Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("");
    case "time":
      return formatTime(value as bigint);
    case "float":
      return Object.is(value, -0) ? "-0" : String(value);
    case "integer":
    case "boolean":
    case "varchar":
    case "uuid":
    case "enum":
    case "other":
      return String(value);
  }
}

/** The value that a text denotes, or `undefined` when it is not the text of a value of this type. */
export function parseValue(type: ColumnType, text: string): Exclude<Value, null> | undefined {
  switch (type.kind) {
    case "integer":
      return /^-?\d{1,39}$/.test(text) ? BigInt(text) : undefined;
    case "decimal":
      return parseDecimal(text, type.scale);
    case "float":
      return parseFloatText(text);
    case "boolean": {
      const lower = text.toLowerCase();
      return lower === "true" || lower === "t"
        ? true
        : lower === "false" || lower === "f"
          ? false
          : undefined;
    }
    case "varchar":
    case "enum":
      return text;
    case "uuid":
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined;
    case "blob":
      return /^([0-9a-f]{2})*$/i.test(text)
        ? Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
        : undefined;
    case "date":
      return parseDate(text);
    case "timestamp":
      return parseTimestamp(text, type.unit);
    case "time":
      return parseTime(text);
    case "other":
      return undefined;
  }
}

function formatDate(days: bigint): string {
  if (days >= dateInfinity) return "infinity";
  if (days <= -dateInfinity) return "-infinity";
  const { year, month, day } = civilFromDays(Number(days));
  return `${yearText(year)}-${two(month)}-${two(day)}`;
}

function formatTimestamp(ticks: bigint, unit: "s" | "ms" | "us" | "ns"): string {
  if (ticks >= timestampInfinity) return "infinity";
  if (ticks <= -timestampInfinity) return "-infinity";
  const perSecond = ticksPerSecond[unit];
  const seconds = floorDivide(ticks, perSecond);
  const days = floorDivide(seconds, dayTicks);
  const inDay = Number(seconds - days * dayTicks);
  const digits = unit === "ns" ? 9 : 6;
  const fraction = ((ticks - seconds * perSecond) * 10n ** BigInt(digits)) / perSecond;
  const clock = `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)}`;
  const tail = fraction === 0n ? "" : `.${String(fraction).padStart(digits, "0")}`;
  return `${formatDate(days)}T${clock}${tail}Z`;
}

function formatTime(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n);
  const fraction = micros % 1_000_000n;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0n ? clock : `${clock}.${String(fraction).padStart(6, "0")}`;
}

function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const cut = digits.length - scale;
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || (match[2] === "" && (match[3] ?? "") === "")) return undefined;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return undefined;
  const unscaled = BigInt(`${match[2]}${fraction.padEnd(scale, "0")}` || "0");
  return match[1] === "-" ? -unscaled : unscaled;
}

function parseFloatText(text: string): number | undefined {
  const lower = text.trim().toLowerCase();
  if (/^[+-]?inf(inity)?$/.test(lower)) return lower.startsWith("-") ? -Infinity : Infinity;
  if (/^[+-]?nan$/.test(lower)) return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower) ? Number(lower) : undefined;
}

function parseDate(text: string): bigint | undefined {
  if (text === "infinity") return dateInfinity;
  if (text === "-infinity") return -dateInfinity;
  const match = /^(-?\d{1,7})-(\d{1,2})-(\d{1,2})( \(BC\))?$/.exec(text);
  if (match === null) return undefined;
  const written = Number(match[1]);
  const year = match[4] === undefined ? written : 1 - written;
  const days = daysFromCivil(year, Number(match[2]), Number(match[3]));
  const back = civilFromDays(days);
  return back.month === Number(match[2]) && back.day === Number(match[3]) ? BigInt(days) : undefined;
}

function parseTimestamp(text: string, unit: "s" | "ms" | "us" | "ns"): bigint | undefined {
  if (text === "infinity") return timestampInfinity;
  if (text === "-infinity") return -timestampInfinity;
  const match =
    /^(-?\d{1,7}-\d{1,2}-\d{1,2}(?: \(BC\))?)(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(?:Z|([+-])(\d{2})(?::?(\d{2}))?)?$/.exec(
      text,
    );
  if (match === null) return undefined;
  const days = parseDate(match[1]!);
  if (days === undefined) return undefined;
  const [hour, minute, second] = [match[2], match[3], match[4]].map((part) => Number(part ?? 0));
  if (hour! > 24 || minute! > 59 || second! > 59) return undefined;
  const offset = (Number(match[7] ?? 0) * 60 + Number(match[8] ?? 0)) * (match[6] === "-" ? -60 : 60);
  const seconds = days * dayTicks + BigInt(hour! * 3600 + minute! * 60 + second! - offset);
  const perSecond = ticksPerSecond[unit];
  const nanos = BigInt((match[5] ?? "").padEnd(9, "0"));
  if ((nanos * perSecond) % 1_000_000_000n !== 0n) return undefined;
  return seconds * perSecond + (nanos * perSecond) / 1_000_000_000n;
}

function parseTime(text: string): bigint | undefined {
  const match = /^(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
  return BigInt(seconds) * 1_000_000n + BigInt((match[4] ?? "").padEnd(6, "0"));
}

/** As strftime's `%Y`: four digits at least, and a plain minus before the years before year 0. */
function yearText(year: number): string {
  return year < 0 ? String(year) : String(year).padStart(4, "0");
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

/** Division that rounds towards minus infinity; `b` is positive. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
