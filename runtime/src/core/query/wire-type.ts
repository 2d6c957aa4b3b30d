/**
 * How values of every DuckDB type travel in Parquet without loss (spec chapter 07, Between nodes).
 *
 * Parquet knows fewer types than the engine: it turns HUGEINT into DOUBLE, forgets the months of an INTERVAL's
 * microseconds, and returns ENUM, BIT, UNION and fixed ARRAY as something else. So each type has a wire type that
 * Parquet does keep, an SQL expression that encodes into it on the executor, and one that decodes on the reader.
 * Columns are positional on the wire (`c0`, `c1`, …), so odd and duplicate names never reach the file.
 */
import { quoteIdentifier, quoteLiteral } from "../sql/quote.ts";
import { parseSqlType, type SqlField, type SqlType } from "../sql/type.ts";

/** A type that cannot cross between nodes. */
export class WireTypeError extends Error {
  override readonly name = "WireTypeError";
}

export interface WireCodec {
  /** The type in the Parquet file, as SQL. */
  readonly wireType: string;
  /** True when Parquet keeps the type as it is. */
  readonly identity: boolean;
  /** SQL that turns the value `x` (an SQL expression) into its wire form. */
  encode(x: string): string;
  /** SQL that turns the wire form `x` back into the value. */
  decode(x: string): string;
}

export interface WireColumn {
  readonly name: string;
  /** DuckDB type as SQL text. */
  readonly type: string;
}

/**
 * The codec of one type.
 * @throws WireTypeError for a type that no wire form exists for; SqlTypeError when `type` is not a type.
 */
export function wireCodec(type: string): WireCodec {
  return codec(parseSqlType(type), 0);
}

/** The name of column `index` on the wire. */
export function wireColumnName(index: number): string {
  return `c${index}`;
}

/** A SELECT that gives the result of `sql` (a SELECT with these columns, in order) in wire form. */
export function encodeSelect(sql: string, columns: readonly WireColumn[]): string {
  const names = columns.map((_, i) => wireColumnName(i));
  const items = columns.map(({ type }, i) => {
    const wire = wireCodec(type);
    const name = names[i] as string;
    return wire.identity ? name : `${wire.encode(name)} AS ${name}`;
  });
  return `SELECT ${items.join(", ")} FROM (${sql}\n) AS f(${names.join(", ")})`;
}

/** A SELECT over `source` (a relation in wire form) that gives the columns with their names and types back. */
export function decodeSelect(source: string, columns: readonly WireColumn[]): string {
  const items = columns.map(({ name, type }, i) => {
    // An identifier of no characters cannot be written in SQL.
    const alias = name === "" ? "" : ` AS ${quoteIdentifier(name)}`;
    return `${wireCodec(type).decode(wireColumnName(i))}${alias}`;
  });
  return `SELECT ${items.join(", ")} FROM ${source}`;
}

/** A relation in wire form without rows, for a fragment that sent no frame. */
export function emptyWireRelation(columns: readonly WireColumn[]): string {
  const items = columns.map(
    ({ type }, i) => `CAST(NULL AS ${wireCodec(type).wireType}) AS ${wireColumnName(i)}`,
  );
  return `(SELECT ${items.join(", ")} WHERE false)`;
}

function codec(type: SqlType, depth: number): WireCodec {
  switch (type.kind) {
    case "scalar":
      return scalarCodec(type.name, type.text);
    case "enum":
      return casting("VARCHAR", `ENUM(${type.values.map(quoteLiteral).join(", ")})`);
    case "list":
      return listCodec(codec(type.element, depth + 1), depth);
    case "array": {
      const list = listCodec(codec(type.element, depth + 1), depth);
      const text = castTarget(type);
      const listText = `${castTarget(type.element)}[]`;
      return {
        wireType: list.wireType,
        identity: false,
        encode: (x) => list.encode(`CAST(${x} AS ${listText})`),
        decode: (x) => `CAST(${list.decode(x)} AS ${text})`,
      };
    }
    case "struct":
      return structCodec(type.fields, depth);
    case "map":
      return mapCodec(codec(type.key, depth + 1), codec(type.value, depth + 1), depth);
    case "union":
      return unionCodec(type, depth);
    default:
      return type satisfies never;
  }
}

/** Scalars that DuckDB's Parquet writer and reader keep bit for bit (guarded by the type matrix test). */
const kept = new Set([
  ..."BOOLEAN TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER UBIGINT".split(" "),
  ..."FLOAT DOUBLE DECIMAL VARCHAR BLOB UUID DATE TIME TIMESTAMP TIMESTAMP_NS".split(" "),
  "TIMESTAMP WITH TIME ZONE",
]);

function scalarCodec(name: string, text: string): WireCodec {
  if (kept.has(name)) return identity(text);
  switch (name) {
    case "HUGEINT":
      return wide("HUGEINT", "BIGINT");
    case "UHUGEINT":
      return wide("UHUGEINT", "UBIGINT");
    case "INTERVAL":
      return intervalCodec;
    case "BIT":
    case "BIGNUM":
    case "JSON":
    case "TIME WITH TIME ZONE":
    case "TIME_NS":
      return casting("VARCHAR", name);
    case "TIMESTAMP_S":
    case "TIMESTAMP_MS":
      return casting("TIMESTAMP", name);
    case "GEOMETRY":
      if (text !== name) break;
      return {
        wireType: "BLOB",
        identity: false,
        encode: (x) => `ST_AsWKB(${x})`,
        decode: (x) => `ST_GeomFromWKB(${x})`,
      };
    case "NULL":
      return {
        wireType: "INTEGER",
        identity: false,
        encode: (x) => `CAST(${x} AS INTEGER)`,
        decode: () => "NULL",
      };
    default:
  }
  throw new WireTypeError(`Values of type ${text} cannot be sent between nodes; cast them to VARCHAR first`);
}

function identity(wireType: string): WireCodec {
  return { wireType, identity: true, encode: (x) => x, decode: (x) => x };
}

function casting(wireType: string, type: string): WireCodec {
  return {
    wireType,
    identity: false,
    encode: (x) => `CAST(${x} AS ${wireType})`,
    decode: (x) => `CAST(${x} AS ${type})`,
  };
}

/** 128-bit integers as two halves. */
function wide(type: "HUGEINT" | "UHUGEINT", high: "BIGINT" | "UBIGINT"): WireCodec {
  const two64 = `CAST(18446744073709551616 AS ${type})`;
  return {
    wireType: `STRUCT(h ${high}, l UBIGINT)`,
    identity: false,
    encode: (x) =>
      `CASE WHEN ${x} IS NULL THEN NULL ELSE {'h': CAST(${x} >> 64 AS ${high}), ` +
      `'l': CAST(${x} & CAST(18446744073709551615 AS ${type}) AS UBIGINT)} END`,
    // For a negative high half one step nearer to zero and back: its product alone may leave HUGEINT's range.
    decode: (x) =>
      `CASE WHEN ${x}.h < 0 THEN (CAST(${x}.h AS ${type}) + 1) * ${two64} - (${two64} - CAST(${x}.l AS ${type})) ` +
      `ELSE CAST(${x}.h AS ${type}) * ${two64} + CAST(${x}.l AS ${type}) END`,
  };
}

const intervalCodec: WireCodec = {
  wireType: "STRUCT(m INTEGER, d INTEGER, u BIGINT)",
  identity: false,
  encode: (x) =>
    `CASE WHEN ${x} IS NULL THEN NULL ELSE {` +
    `'m': CAST(datepart('year', ${x}) * 12 + datepart('month', ${x}) AS INTEGER), ` +
    `'d': CAST(datepart('day', ${x}) AS INTEGER), ` +
    `'u': datepart('hour', ${x}) * 3600000000 + datepart('minute', ${x}) * 60000000 + datepart('microsecond', ${x})} END`,
  decode: (x) => `(to_months(${x}.m) + to_days(${x}.d) + to_microseconds(${x}.u))`,
};

function listCodec(element: WireCodec, depth: number): WireCodec {
  if (element.identity) return identity(`${element.wireType}[]`);
  const e = `e${depth}`;
  return {
    wireType: `${element.wireType}[]`,
    identity: false,
    encode: (x) => `list_transform(${x}, lambda ${e}: ${element.encode(e)})`,
    decode: (x) => `list_transform(${x}, lambda ${e}: ${element.decode(e)})`,
  };
}

function structCodec(fields: readonly SqlField[], depth: number): WireCodec {
  const codecs = fields.map(({ type }) => codec(type, depth + 1));
  const named = fields.every(({ name }) => name !== undefined);
  if (named && codecs.every((c) => c.identity)) {
    const text = fields.map(({ name }, i) => `${quoteIdentifier(name as string)} ${codecs[i]?.wireType}`);
    return identity(`STRUCT(${text.join(", ")})`);
  }
  const get = (x: string, i: number) => `struct_extract_at(${x}, ${i + 1})`;
  return {
    wireType: `STRUCT(${codecs.map((c, i) => `f${i} ${c.wireType}`).join(", ")})`,
    identity: false,
    encode: (x) => whenNotNull(x, `{${codecs.map((c, i) => `'f${i}': ${c.encode(get(x, i))}`).join(", ")}}`),
    decode: (x) => {
      const values = codecs.map((c, i) => c.decode(get(x, i)));
      if (!named) return whenNotNull(x, `row(${values.join(", ")})`);
      const items = values.map((value, i) => `${quoteLiteral(fields[i]?.name as string)}: ${value}`);
      return whenNotNull(x, `{${items.join(", ")}}`);
    },
  };
}

function mapCodec(key: WireCodec, value: WireCodec, depth: number): WireCodec {
  const wireType = `MAP(${key.wireType}, ${value.wireType})`;
  if (key.identity && value.identity) return identity(wireType);
  const e = `e${depth}`;
  return {
    wireType: `STRUCT(k ${key.wireType}, v ${value.wireType})[]`,
    identity: false,
    encode: (x) =>
      `list_transform(map_entries(${x}), lambda ${e}: {'k': ${key.encode(`${e}.key`)}, 'v': ${value.encode(`${e}.value`)}})`,
    decode: (x) =>
      `map_from_entries(list_transform(${x}, lambda ${e}: {'k': ${key.decode(`${e}.k`)}, 'v': ${value.decode(`${e}.v`)}}))`,
  };
}

function unionCodec(type: SqlType & { kind: "union" }, depth: number): WireCodec {
  const text = castTarget(type);
  const members = type.members.map(({ name, type: member }) => ({
    name: name as string,
    codec: codec(member, depth + 1),
  }));
  return {
    wireType: `STRUCT(t VARCHAR, ${members.map((m, i) => `v${i} ${m.codec.wireType}`).join(", ")})`,
    identity: false,
    encode: (x) => {
      const values = members.map(
        (m, i) => `'v${i}': ${m.codec.encode(`union_extract(${x}, ${quoteLiteral(m.name)})`)}`,
      );
      return `CASE WHEN union_tag(${x}) IS NULL THEN NULL ELSE {'t': CAST(union_tag(${x}) AS VARCHAR), ${values.join(", ")}} END`;
    },
    decode: (x) => {
      const cases = members.map(
        (m, i) =>
          `WHEN ${quoteLiteral(m.name)} THEN CAST(union_value(${quoteIdentifier(m.name)} := ${m.codec.decode(`${x}.v${i}`)}) AS ${text})`,
      );
      return `CASE ${x}.t ${cases.join(" ")} ELSE CAST(NULL AS ${text}) END`;
    },
  };
}

function whenNotNull(x: string, then: string): string {
  return `CASE WHEN ${x} IS NULL THEN NULL ELSE ${then} END`;
}

/** The type as SQL that CAST accepts; the engine has no syntax for unnamed structs. */
function castTarget(type: SqlType): string {
  const fields = (list: readonly SqlField[]) =>
    list
      .map(({ name, type: field }) => {
        if (name === undefined) {
          throw new WireTypeError(
            "An unnamed struct inside a fixed array or a union cannot be sent between nodes; give its fields names",
          );
        }
        return `${quoteIdentifier(name)} ${castTarget(field)}`;
      })
      .join(", ");
  switch (type.kind) {
    case "scalar":
      return type.name === "NULL" ? '"NULL"' : type.text;
    case "enum":
      return `ENUM(${type.values.map(quoteLiteral).join(", ")})`;
    case "list":
      return `${castTarget(type.element)}[]`;
    case "array":
      return `${castTarget(type.element)}[${type.size}]`;
    case "struct":
      return `STRUCT(${fields(type.fields)})`;
    case "map":
      return `MAP(${castTarget(type.key)}, ${castTarget(type.value)})`;
    case "union":
      return `UNION(${fields(type.members)})`;
    default:
      return type satisfies never;
  }
}
