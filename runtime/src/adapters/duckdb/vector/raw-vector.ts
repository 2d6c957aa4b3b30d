import {
  type DuckDBDataChunk,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUTinyIntType,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { shortLived } from "../../system/short-lived.ts";

/**
 * A vector of a chunk in the engine's own memory layout. Views are valid only inside {@link withColumns}: the engine
 * frees the memory with the chunk.
 */
export interface RawVector {
  readonly handle: duckdb.Vector;
  readonly type: DuckDBType;
  readonly count: number;
  /** The values' fixed-width part; empty for types that only have children. */
  readonly data: Uint8Array;
  /** A set bit is a value, a clear one a NULL; `null` when there are no NULLs. */
  readonly validity: Uint8Array | null;
  /** Of a list or map its elements, of a struct its fields, of a union the tag and then the members. */
  readonly children: readonly RawVector[];
}

/** Lend the columns of a chunk. Nothing that `use` keeps may point into them. */
export function withColumns<T>(
  chunk: DuckDBDataChunk,
  types: readonly DuckDBType[],
  use: (columns: readonly RawVector[], rows: number) => T,
): T {
  const rows = chunk.rowCount;
  const columns = types.map((type, i) => rawVector(duckdb.data_chunk_get_vector(chunk.chunk, i), type, rows));
  const result = use(columns, rows);
  // A call on the chunk after the last use of its memory: the collector must not free it before.
  if (chunk.rowCount !== rows) throw new Error("A chunk changed while it was read");
  return result;
}

/** A view of the engine's memory, counted as the collector counts it. */
export function counted(view: Uint8Array): Uint8Array {
  shortLived(view.byteLength);
  return view;
}

export function isValid(vector: RawVector, row: number): boolean {
  const { validity } = vector;
  return validity === null || ((validity[row >> 3]! >> (row & 7)) & 1) === 1;
}

/** Where a list's or map's elements begin and how many there are. */
export function listEntry(vector: RawVector, row: number): { offset: number; length: number } {
  const words = new Uint32Array(vector.data.buffer, vector.data.byteOffset + row * 16, 4);
  return { offset: words[0]! + words[1]! * 2 ** 32, length: words[2]! + words[3]! * 2 ** 32 };
}

function rawVector(handle: duckdb.Vector, type: DuckDBType, count: number): RawVector {
  const width = byteWidth(type);
  const data =
    width === 0 || count === 0 ? new Uint8Array(0) : counted(duckdb.vector_get_data(handle, count * width));
  // The binding answers null for a vector without NULLs, whatever its declaration says.
  const mask: Uint8Array | null =
    count === 0 ? null : duckdb.vector_get_validity(handle, Math.ceil(count / 64) * 8);
  const validity = mask === null ? null : counted(mask);
  return { handle, type, count, data, validity, children: childrenOf(handle, type, count) };
}

function childrenOf(handle: duckdb.Vector, type: DuckDBType, count: number): RawVector[] {
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
      return [listChild(handle, type.valueType)];
    case DuckDBTypeId.MAP:
      return [listChild(handle, new DuckDBStructType(["key", "value"], [type.keyType, type.valueType]))];
    case DuckDBTypeId.ARRAY:
      return [rawVector(duckdb.array_vector_get_child(handle), type.valueType, count * type.length)];
    case DuckDBTypeId.STRUCT:
      return type.entryTypes.map((t, i) => rawVector(duckdb.struct_vector_get_child(handle, i), t, count));
    case DuckDBTypeId.UNION:
      return [DuckDBUTinyIntType.instance, ...type.memberTypes].map((t, i) =>
        rawVector(duckdb.struct_vector_get_child(handle, i), t, count),
      );
    default:
      return [];
  }
}

function listChild(handle: duckdb.Vector, type: DuckDBType): RawVector {
  return rawVector(duckdb.list_vector_get_child(handle), type, duckdb.list_vector_get_size(handle));
}

/** Bytes that one value takes in its vector. */
export function byteWidth(type: DuckDBType): number {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.UTINYINT:
      return 1;
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.USMALLINT:
      return 2;
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DATE:
      return 4;
    case DuckDBTypeId.DECIMAL:
      return type.width <= 4 ? 2 : type.width <= 9 ? 4 : type.width <= 18 ? 8 : 16;
    case DuckDBTypeId.ENUM:
      return type.values.length <= 0xff ? 1 : type.values.length <= 0xffff ? 2 : 4;
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.UUID:
    case DuckDBTypeId.INTERVAL:
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.BLOB:
    case DuckDBTypeId.BIT:
    case DuckDBTypeId.BIGNUM:
    case DuckDBTypeId.GEOMETRY:
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.MAP:
      return 16;
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.DOUBLE:
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
    case DuckDBTypeId.TIMESTAMP_TZ:
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_NS:
    case DuckDBTypeId.TIME_TZ:
      return 8;
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.ARRAY:
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
    case DuckDBTypeId.SQLNULL:
    case DuckDBTypeId.ANY:
    case DuckDBTypeId.STRING_LITERAL:
    case DuckDBTypeId.INTEGER_LITERAL:
      return 0;
    default:
      return type satisfies never;
  }
}
