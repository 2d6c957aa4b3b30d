import {
  ARRAY,
  BIGINT,
  BIGNUM,
  BIT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBStructType,
  type DuckDBType,
  DuckDBUnionType,
  DuckDBVarCharType,
  ENUM,
  FLOAT,
  HUGEINT,
  INTEGER,
  INTERVAL,
  LIST,
  MAP,
  SMALLINT,
  TIME,
  TIME_NS,
  TIMESTAMP,
  TIMESTAMP_MS,
  TIMESTAMP_NS,
  TIMESTAMP_S,
  TIMESTAMPTZ,
  TIMETZ,
  TINYINT,
  UBIGINT,
  UHUGEINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  UUID,
  VARCHAR,
} from "@duckdb/node-api";
import { parseSqlType, type SqlField, type SqlType, SqlTypeError } from "../../core/sql/type.ts";

const kinds: readonly DuckDBType[] = [
  ...[BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT, FLOAT, DOUBLE, VARCHAR, BLOB, BIT, BIGNUM, UUID],
  ...[UTINYINT, USMALLINT, UINTEGER, UBIGINT, UHUGEINT, DATE, TIME, TIME_NS, TIMETZ, INTERVAL],
  ...[TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMPTZ],
];
const scalars: ReadonlyMap<string, DuckDBType> = new Map([
  ...kinds.map((type): [string, DuckDBType] => [type.toString(), type]),
  // An alias of text, which the engine's columns do not print.
  ["JSON", DuckDBVarCharType.create("JSON")],
]);

/**
 * The type that the engine would give a result column of this type; undefined for the few that only the engine can
 * say (unnamed structs, NULL, VARIANT, geometries), and for text that is not a type.
 */
export function duckType(text: string): DuckDBType | undefined {
  try {
    return fromSql(parseSqlType(text));
  } catch (error) {
    if (error instanceof SqlTypeError) return undefined;
    throw error;
  }
}

function fromSql(type: SqlType): DuckDBType | undefined {
  switch (type.kind) {
    case "scalar":
      return type.name === "DECIMAL" ? decimal(type.text) : scalars.get(type.name);
    case "enum":
      return ENUM(type.values);
    case "list":
      return nested([type.element], ([element]) => LIST(element!));
    case "array":
      return nested([type.element], ([element]) => ARRAY(element!, type.size));
    case "map":
      return nested([type.key, type.value], ([key, value]) => MAP(key!, value!));
    case "struct":
      return withNames(type.fields, (names, types) => new DuckDBStructType(names, types));
    case "union":
      return withNames(type.members, (names, types) => new DuckDBUnionType(names, types));
    default:
      return type satisfies never;
  }
}

function decimal(text: string): DuckDBType {
  const [digits, scale] = /\((\d+),(\d+)\)/.exec(text)?.slice(1).map(Number) ?? [];
  return DECIMAL(digits, scale);
}

function nested(
  inner: readonly SqlType[],
  make: (types: readonly DuckDBType[]) => DuckDBType,
): DuckDBType | undefined {
  const types = inner.map(fromSql);
  return types.every((type) => type !== undefined) ? make(types) : undefined;
}

function withNames(
  fields: readonly SqlField[],
  make: (names: readonly string[], types: readonly DuckDBType[]) => DuckDBType,
): DuckDBType | undefined {
  const names = fields.map(({ name }) => name || undefined);
  // Of an unnamed struct the engine's columns print empty names, which SQL has no way to write.
  if (!names.every((name) => name !== undefined)) return undefined;
  return nested(
    fields.map(({ type }) => type),
    (types) => make(names, types),
  );
}
