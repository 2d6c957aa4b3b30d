import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  List,
  Map_,
  Null,
  Schema,
  SparseUnion,
  Struct,
  TimeMicrosecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import type { ChunkStream } from "../../ports/database.ts";

/** The Arrow schema of a result; every column may hold NULLs. */
export function arrowSchema(columns: ChunkStream["columns"]): Schema {
  return new Schema(columns.map(({ name, duckType }) => new Field(name, arrowType(duckType), true)));
}

/**
 * The Arrow type that carries every value of a DuckDB type (`docs/types.md`). Types that Arrow does not have travel
 * as text.
 */
export function arrowType(type: DuckDBType): DataType {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return new Bool();
    case DuckDBTypeId.TINYINT:
      return new Int8();
    case DuckDBTypeId.SMALLINT:
      return new Int16();
    case DuckDBTypeId.INTEGER:
      return new Int32();
    case DuckDBTypeId.BIGINT:
      return new Int64();
    case DuckDBTypeId.UTINYINT:
      return new Uint8();
    case DuckDBTypeId.USMALLINT:
      return new Uint16();
    case DuckDBTypeId.UINTEGER:
      return new Uint32();
    case DuckDBTypeId.UBIGINT:
      return new Uint64();
    case DuckDBTypeId.HUGEINT:
      return new Decimal(0, 38, 128);
    case DuckDBTypeId.DECIMAL:
      return new Decimal(type.scale, type.width, 128);
    case DuckDBTypeId.FLOAT:
      return new Float32();
    case DuckDBTypeId.DOUBLE:
      return new Float64();
    case DuckDBTypeId.BLOB:
    case DuckDBTypeId.GEOMETRY:
      return new Binary();
    case DuckDBTypeId.SQLNULL:
      return new Null();
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.UUID:
    case DuckDBTypeId.ENUM:
    case DuckDBTypeId.BIT:
    case DuckDBTypeId.BIGNUM:
    case DuckDBTypeId.TIME_TZ:
    case DuckDBTypeId.VARIANT:
      return new Utf8();
    case DuckDBTypeId.LIST:
      return new List(new Field("item", arrowType(type.valueType), true));
    case DuckDBTypeId.ARRAY:
      return new FixedSizeList(type.length, new Field("item", arrowType(type.valueType), true));
    case DuckDBTypeId.STRUCT:
      return structType(type.entryNames, type.entryTypes);
    case DuckDBTypeId.MAP: {
      const key = new Field("key", arrowType(type.keyType), false);
      const value = new Field("value", arrowType(type.valueType), true);
      return new Map_(
        new Field("entries", new Struct<{ key: DataType; value: DataType }>([key, value]), false),
      );
    }
    case DuckDBTypeId.UNION: {
      const members = type.memberTypes.map((t, i) => new Field(type.memberTags[i]!, arrowType(t), true));
      return new SparseUnion(
        members.map((_, i) => i),
        members,
      );
    }
    default:
      return timeType(type);
  }
}

function timeType(type: DuckDBType): DataType {
  switch (type.typeId) {
    case DuckDBTypeId.DATE:
      return new DateDay();
    case DuckDBTypeId.TIME:
      return new TimeMicrosecond();
    case DuckDBTypeId.TIME_NS:
      return new TimeNanosecond();
    case DuckDBTypeId.TIMESTAMP:
      return new TimestampMicrosecond();
    case DuckDBTypeId.TIMESTAMP_TZ:
      return new TimestampMicrosecond("UTC");
    case DuckDBTypeId.TIMESTAMP_S:
      return new TimestampSecond();
    case DuckDBTypeId.TIMESTAMP_MS:
      return new TimestampMillisecond();
    case DuckDBTypeId.TIMESTAMP_NS:
      return new TimestampNanosecond();
    case DuckDBTypeId.INTERVAL:
      return new IntervalMonthDayNano();
    default:
      throw new Error(`Results of type ${type.toString()} have no Arrow form`);
  }
}

/** The fields of `ROW(…)` have no names; they get PostgreSQL's: `f1`, `f2`, … */
function structType(names: readonly string[], types: readonly DuckDBType[]): Struct {
  return new Struct(
    types.map((type, i) => new Field(names[i] === "" ? `f${i + 1}` : names[i]!, arrowType(type), true)),
  );
}
