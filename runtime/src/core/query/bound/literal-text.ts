import type { Constant, PhysicalValue } from "../tree/tree.ts";

/**
 * The canonical text of a constant (spec chapter 03: as partition values are written); undefined for types and
 * values that partitions do not have.
 */
export function literalText({ type, value }: Constant): string | undefined {
  if (value === undefined) return undefined;
  switch (type.id) {
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "HUGEINT":
    case "UTINYINT":
    case "USMALLINT":
    case "UINTEGER":
    case "UBIGINT":
      return integer(value)?.toString();
    case "BOOLEAN":
      return String(value);
    case "VARCHAR":
      return type.type_info?.alias ? undefined : String(value);
    case "DECIMAL":
      return decimal(integer(value), type.type_info?.scale ?? 0);
    case "FLOAT":
    case "DOUBLE":
      return typeof value === "number" && Number.isFinite(value) && value !== 0 ? String(value) : undefined;
    case "DATE":
      return date(Number(value));
    case "TIMESTAMP":
    case "TIMESTAMP WITH TIME ZONE":
      return timestamp(integer(value));
    default:
      return undefined;
  }
}

function integer(value: PhysicalValue): bigint | undefined {
  if (typeof value === "object" && "upper" in value)
    return (BigInt(value.upper) << 64n) + BigInt(value.lower);
  return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : undefined;
}

function decimal(unscaled: bigint | undefined, scale: number): string | undefined {
  if (unscaled === undefined || scale === 0) return unscaled?.toString();
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Years of four digits; others are rare enough to be read everywhere. */
function date(days: number): string | undefined {
  const text = new Date(days * 86_400_000);
  const year = text.getUTCFullYear();
  return year >= 1 && year <= 9999 ? text.toISOString().slice(0, 10) : undefined;
}

function timestamp(micros: bigint | undefined): string | undefined {
  if (micros === undefined) return undefined;
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (micros - fraction) / 1_000_000n;
  const text = new Date(Number(seconds) * 1000);
  const year = text.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) return undefined;
  const tail = fraction === 0n ? "" : `.${fraction.toString().padStart(6, "0")}`;
  return `${text.toISOString().slice(0, 19)}${tail}Z`;
}
