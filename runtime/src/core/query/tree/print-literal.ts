import { quoteIdentifier, quoteLiteral } from "../../sql/quote.ts";
import type { Constant, LogicalType, PhysicalValue } from "./tree.ts";
import { UnprintableError } from "./unprintable.ts";

/** Integer literals take the smallest of these types that holds them, so only the others need a cast. */
const casts = new Set(["TINYINT", "SMALLINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]);

/**
 * A constant of a statement or plan as SQL with the same type and value. DuckDB gives values in physical form: dates
 * as days, timestamps as ticks, decimals unscaled, 128-bit integers as two halves.
 * @throws UnprintableError for a type that has no literal here.
 */
export function printConstant(constant: Constant): string {
  const { type, value } = constant;
  if (constant.is_null || value === undefined) {
    return type.id === "NULL" ? "NULL" : `CAST(NULL AS ${printType(type)})`;
  }
  switch (type.id) {
    case "BOOLEAN":
      return value === true ? "true" : "false";
    case "INTEGER":
      return integerLiteral(integer(value), 31n, "INTEGER");
    case "BIGINT":
      return integerLiteral(integer(value), 63n, "BIGINT");
    case "HUGEINT":
      return integerLiteral(integer(value), 127n, "HUGEINT");
    case "FLOAT":
    case "DOUBLE":
      return double(Number(value), type.id);
    case "DECIMAL":
      return decimal(integer(value), type.type_info?.width ?? 18, type.type_info?.scale ?? 3);
    case "VARCHAR":
      return varchar(constant);
    case "BLOB":
      if (type.type_info !== null) break;
      return `CAST(${quoteLiteral(String(value))} AS BLOB)`;
    case "UUID":
      return `CAST('${uuid(integer(value))}' AS UUID)`;
    case "DATE":
      return `CAST(${dateText(Number(value))} AS DATE)`;
    case "TIME":
      return `CAST('${timeText(integer(value))}' AS TIME)`;
    case "TIMESTAMP":
      return timestamp(integer(value), "make_timestamp");
    case "TIMESTAMP WITH TIME ZONE":
      return timestamp(integer(value), "make_timestamptz");
    case "INTERVAL":
      return interval(value);
    case "LIST":
      return `CAST([${children(value).map(printConstant).join(", ")}] AS ${printType(type)})`;
    case "STRUCT": {
      const names = type.type_info?.child_types ?? [];
      const items = children(value).map(
        (c, i) => `${quoteIdentifier(names[i]?.first ?? "")} := ${printConstant(c)}`,
      );
      if (names.some(({ first }) => first === "")) break;
      return `CAST(struct_pack(${items.join(", ")}) AS ${printType(type)})`;
    }
    default:
      if (casts.has(type.id)) return `CAST(${integer(value)} AS ${type.id})`;
  }
  throw new UnprintableError(`a constant of type ${type.id}`);
}

function children(value: PhysicalValue): readonly Constant[] {
  if (typeof value === "object" && "children" in value) return value.children;
  throw new UnprintableError("a nested constant");
}

/** The value of any integer, also of one that is serialised as two halves. */
function integer(value: PhysicalValue): bigint {
  if (typeof value === "object" && "upper" in value) {
    return (BigInt(value.upper) << 64n) + BigInt(value.lower);
  }
  if (typeof value === "object") throw new UnprintableError("a nested constant");
  return BigInt(value);
}

function integerLiteral(value: bigint, bits: bigint, type: string): string {
  const natural = fits(value, 31n) ? 31n : fits(value, 63n) ? 63n : 127n;
  // A minus sign is an operator on a positive literal, which the most negative value has none of.
  const text = value === -(1n << natural) ? `CAST('${value}' AS ${type})` : String(value);
  return natural === bits || text.startsWith("CAST") ? text : `CAST(${value} AS ${type})`;
}

function fits(value: bigint, bits: bigint): boolean {
  return value >= -(1n << bits) && value < 1n << bits;
}

function double(value: number, type: string): string {
  if (type === "DOUBLE" && Number.isFinite(value) && !Object.is(value, -0)) return value.toExponential();
  const text = Object.is(value, -0) ? "-0.0" : String(value).toLowerCase();
  return `CAST('${text}' AS ${type})`;
}

function decimal(unscaled: bigint, width: number, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = `${unscaled < 0n ? "-" : ""}${whole}${scale === 0 ? "" : `.${digits.slice(-scale)}`}`;
  if (scale > 0 && width === scale) return text.replace("0.", ".");
  const natural = scale > 0 && width === digits.length;
  return natural ? text : `CAST('${text}' AS DECIMAL(${width},${scale}))`;
}

function varchar(constant: Constant): string {
  const info = constant.type.type_info;
  const literal = quoteLiteral(String(constant.value));
  if (info?.alias !== undefined && info.alias !== "") return `CAST(${literal} AS ${info.alias})`;
  // A zero byte would end the statement's text.
  if (literal.includes("\0")) throw new UnprintableError("a string with a zero byte");
  return literal;
}

function uuid(stored: bigint): string {
  // The engine flips the highest bit so that UUIDs sort as signed integers.
  const hex = BigInt.asUintN(128, stored ^ (1n << 127n))
    .toString(16)
    .padStart(32, "0");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function dateText(days: number): string {
  if (days === 2147483647) return "'infinity'";
  if (days === -2147483647) return "'-infinity'";
  const date = new Date(days * 86_400_000);
  const year = date.getUTCFullYear();
  // Years outside of four digits and before Christ are written as days from the epoch.
  if (Number.isNaN(year) || year < 1 || year > 9999) return `(DATE '1970-01-01' + CAST(${days} AS INTEGER))`;
  return `'${date.toISOString().slice(0, 10)}'`;
}

function timeText(micros: bigint): string {
  const pad = (n: bigint, width = 2) => n.toString().padStart(width, "0");
  const seconds = micros / 1_000_000n;
  const clock = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`;
  return `${clock}.${pad(micros % 1_000_000n, 6)}`;
}

function timestamp(micros: bigint, make: "make_timestamp" | "make_timestamptz"): string {
  const type = make === "make_timestamp" ? "TIMESTAMP" : "TIMESTAMP WITH TIME ZONE";
  if (micros === 9223372036854775807n) return `CAST('infinity' AS ${type})`;
  if (micros === -9223372036854775807n) return `CAST('-infinity' AS ${type})`;
  const date = new Date(Number(micros / 1000n));
  const year = date.getUTCFullYear();
  if (year >= 1 && year <= 9999 && micros >= 0n) {
    const text = date.toISOString().slice(0, 19).replace("T", " ");
    const fraction = (micros % 1_000_000n).toString().padStart(6, "0");
    const zone = make === "make_timestamp" ? "" : "+00";
    return `CAST('${text}${fraction === "000000" ? "" : `.${fraction}`}${zone}' AS ${type})`;
  }
  return `${make}(CAST(${micros} AS BIGINT))`;
}

function interval(value: PhysicalValue): string {
  if (typeof value !== "object" || !("months" in value)) throw new UnprintableError("an interval");
  return `(to_months(${value.months}) + to_days(${value.days}) + to_microseconds(${value.micros}))`;
}

/** A type as SQL that `CAST` accepts. */
export function printType(type: LogicalType): string {
  const info = type.type_info;
  if (info?.alias !== undefined && info.alias !== "") return info.alias;
  switch (type.id) {
    case "DECIMAL":
      return `DECIMAL(${info?.width ?? 18},${info?.scale ?? 3})`;
    case "LIST":
      return `${printType(child(type))}[]`;
    case "ARRAY":
      return `${printType(child(type))}[${info?.size}]`;
    case "STRUCT":
      return `STRUCT(${fields(type)})`;
    case "MAP": {
      const [key, value] = child(type).type_info?.child_types ?? [];
      if (key === undefined || value === undefined) throw new UnprintableError("a map type without parts");
      return `MAP(${printType(key.second)}, ${printType(value.second)})`;
    }
    case "UNION":
      return `UNION(${fields(type, 1)})`;
    case "ENUM":
      if (info?.values === undefined) throw new UnprintableError("an enum type without values");
      return `ENUM(${info.values.map((v) => `'${v.replaceAll("'", "''")}'`).join(", ")})`;
    case "UNBOUND": {
      const path = [info?.catalog, info?.schema, info?.name].filter((p) => p !== undefined && p !== "");
      const modifiers = (info?.user_type_modifiers ?? []).map(printConstant);
      const name = path.map((p) => quoteIdentifier(p as string)).join(".");
      return modifiers.length === 0 ? name : `${name}(${modifiers.join(", ")})`;
    }
    case "NULL":
      return '"NULL"';
    case "VARCHAR":
      if (info?.type === "STRING_TYPE_INFO" || info === null) return "VARCHAR";
      break;
    default:
  }
  if (info !== null && type.id !== "VARIANT") throw new UnprintableError(`type ${type.id}`);
  return type.id;
}

function child(type: LogicalType): LogicalType {
  const found = type.type_info?.child_type;
  if (found === undefined) throw new UnprintableError(`type ${type.id} without an element`);
  return found;
}

function fields(type: LogicalType, skip = 0): string {
  return (type.type_info?.child_types ?? [])
    .slice(skip)
    .map(({ first, second }) => {
      if (first === "") throw new UnprintableError("a struct type without field names");
      return `${quoteIdentifier(first)} ${printType(second)}`;
    })
    .join(", ");
}
