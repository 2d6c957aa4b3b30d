/** What partitioning needs to know of a DuckDB type. Everything that it cannot compute with is `other`. */
export type ColumnType =
  | { readonly kind: "integer"; readonly bits: 8 | 16 | 32 | 64 | 128; readonly signed: boolean }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "float"; readonly bits: 32 | 64 }
  | { readonly kind: "boolean" }
  | { readonly kind: "varchar" }
  | { readonly kind: "blob" }
  | { readonly kind: "date" }
  | { readonly kind: "time" }
  | { readonly kind: "timestamp"; readonly unit: TimestampUnit; readonly zoned: boolean }
  | { readonly kind: "uuid" }
  | { readonly kind: "enum" }
  | { readonly kind: "other"; readonly text: string };

export type TimestampUnit = "s" | "ms" | "us" | "ns";

const integer = (bits: 8 | 16 | 32 | 64 | 128, signed: boolean): ColumnType => ({
  kind: "integer",
  bits,
  signed,
});
const timestamp = (unit: TimestampUnit, zoned = false): ColumnType => ({ kind: "timestamp", unit, zoned });

export const bigintType: ColumnType = integer(64, true);
export const integerType: ColumnType = integer(32, true);
export const varcharType: ColumnType = { kind: "varchar" };
export const booleanType: ColumnType = { kind: "boolean" };
export const dateType: ColumnType = { kind: "date" };
export const doubleType: ColumnType = { kind: "float", bits: 64 };
export const timestampType: ColumnType = timestamp("us");
export const timestampTzType: ColumnType = timestamp("us", true);

const names: Readonly<Record<string, ColumnType>> = {
  tinyint: integer(8, true),
  int1: integer(8, true),
  int8: bigintType,
  smallint: integer(16, true),
  int2: integer(16, true),
  short: integer(16, true),
  int16: integer(16, true),
  integer: integerType,
  int: integerType,
  int4: integerType,
  int32: integerType,
  signed: integerType,
  bigint: bigintType,
  int64: bigintType,
  long: bigintType,
  hugeint: integer(128, true),
  int128: integer(128, true),
  utinyint: integer(8, false),
  uint8: integer(8, false),
  usmallint: integer(16, false),
  uint16: integer(16, false),
  uinteger: integer(32, false),
  uint32: integer(32, false),
  ubigint: integer(64, false),
  uint64: integer(64, false),
  uhugeint: integer(128, false),
  uint128: integer(128, false),
  real: { kind: "float", bits: 32 },
  float: { kind: "float", bits: 32 },
  float4: { kind: "float", bits: 32 },
  double: doubleType,
  "double precision": doubleType,
  float8: doubleType,
  boolean: booleanType,
  bool: booleanType,
  logical: booleanType,
  varchar: varcharType,
  text: varcharType,
  string: varcharType,
  char: varcharType,
  bpchar: varcharType,
  blob: { kind: "blob" },
  bytea: { kind: "blob" },
  binary: { kind: "blob" },
  varbinary: { kind: "blob" },
  date: dateType,
  time: { kind: "time" },
  "time without time zone": { kind: "time" },
  timestamp: timestampType,
  datetime: timestampType,
  "timestamp without time zone": timestampType,
  timestamp_us: timestampType,
  timestamp_s: timestamp("s"),
  timestamp_ms: timestamp("ms"),
  timestamp_ns: timestamp("ns"),
  timestamptz: timestampTzType,
  "timestamp with time zone": timestampTzType,
  uuid: { kind: "uuid" },
};

/**
 * Read a type as DuckDB prints it or as SQL may spell it: `BIGINT`, `int64`, `DECIMAL(15,2)`, `VARCHAR(20)`.
 * A type that partitioning has no rules for becomes `other`, with its text.
 */
export function parseColumnType(text: string): ColumnType {
  const normal = text.trim().toLowerCase().replace(/\s+/g, " ");
  const known = names[normal];
  if (known !== undefined) return known;
  const decimal = /^(?:decimal|numeric|dec)(?: ?\( ?(\d+) ?(?:, ?(\d+) ?)?\))?$/.exec(normal);
  if (decimal !== null) {
    if (decimal[1] === undefined) return { kind: "decimal", precision: 18, scale: 3 };
    return { kind: "decimal", precision: Number(decimal[1]), scale: Number(decimal[2] ?? 0) };
  }
  if (/^(?:varchar|text|string|char|bpchar) ?\( ?\d+ ?\)$/.test(normal)) return varcharType;
  if (normal.startsWith("enum(") && normal.endsWith(")")) return { kind: "enum" };
  return { kind: "other", text: text.trim() };
}

/** The type as DuckDB prints it, so that it can stand in a cast. */
export function formatColumnType(type: ColumnType): string {
  switch (type.kind) {
    case "integer": {
      const name = { 8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT", 128: "HUGEINT" }[type.bits];
      return type.signed ? name : `U${name}`;
    }
    case "decimal":
      return `DECIMAL(${type.precision},${type.scale})`;
    case "float":
      return type.bits === 32 ? "FLOAT" : "DOUBLE";
    case "timestamp":
      if (type.zoned) return "TIMESTAMP WITH TIME ZONE";
      return type.unit === "us" ? "TIMESTAMP" : `TIMESTAMP_${type.unit.toUpperCase()}`;
    case "other":
      return type.text;
    case "boolean":
    case "varchar":
    case "blob":
    case "date":
    case "time":
    case "uuid":
    case "enum":
      return type.kind.toUpperCase();
  }
}

export function sameType(a: ColumnType, b: ColumnType): boolean {
  return formatColumnType(a) === formatColumnType(b);
}

/** Least and greatest value of a type whose values are integers inside: integers, decimals, dates, timestamps. */
export function domainOf(type: ColumnType): { readonly min: bigint; readonly max: bigint } | undefined {
  switch (type.kind) {
    case "integer": {
      const bits = BigInt(type.bits);
      return type.signed
        ? { min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }
        : { min: 0n, max: (1n << bits) - 1n };
    }
    case "decimal": {
      const limit = 10n ** BigInt(type.precision) - 1n;
      return { min: -limit, max: limit };
    }
    case "date":
      return { min: -dateInfinity, max: dateInfinity };
    case "timestamp":
      return { min: -timestampInfinity, max: timestampInfinity };
    case "time":
      return { min: 0n, max: 86_400_000_000n };
    case "float":
    case "boolean":
    case "varchar":
    case "blob":
    case "uuid":
    case "enum":
    case "other":
      return undefined;
  }
}

/** Days that stand for the date `infinity`. */
export const dateInfinity = 2_147_483_647n;
/** Ticks that stand for the timestamp `infinity`, in every unit. */
export const timestampInfinity = 9_223_372_036_854_775_807n;
/** How many ticks of each unit make a second. */
export const ticksPerSecond: Readonly<Record<TimestampUnit, bigint>> = {
  s: 1n,
  ms: 1_000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
};
