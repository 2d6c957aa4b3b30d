import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { Binary, DataType, Utf8 } from "apache-arrow";
import { byteWidth } from "../duckdb/vector/raw-vector.ts";
import { asText, BytesBuilder } from "./bytes-builder.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { BoolBuilder, FixedBuilder, NullBuilder, widenDecimal, widenInterval } from "./fixed-builder.ts";
import { ArrayBuilder, ListBuilder, StructBuilder, UnionBuilder } from "./nested-builder.ts";

/** The builder that turns vectors of an engine type into a column of the Arrow type that stands for it. */
export function makeBuilder(duckType: DuckDBType, type: DataType, capacity: number): ColumnBuilder {
  const child = (inner: DuckDBType, i: number) => makeBuilder(inner, type.children[i]!.type, capacity);
  switch (duckType.typeId) {
    case DuckDBTypeId.VARCHAR:
      return new BytesBuilder(new Utf8(), capacity);
    case DuckDBTypeId.BLOB:
    case DuckDBTypeId.GEOMETRY:
      return new BytesBuilder(new Binary(), capacity);
    case DuckDBTypeId.DECIMAL: {
      const bytes = byteWidth(duckType);
      if (bytes === 2 || bytes === 4 || bytes === 8) {
        return new FixedBuilder(type, 16, capacity, widenDecimal(bytes));
      }
      return new FixedBuilder(type, 16, capacity);
    }
    case DuckDBTypeId.INTERVAL:
      return new FixedBuilder(type, 16, capacity, widenInterval);
    case DuckDBTypeId.UNION:
      if (!DataType.isSparseUnion(type)) break;
      return new UnionBuilder(type, duckType.memberTypes.map(child));
    case DuckDBTypeId.STRUCT:
      if (!DataType.isStruct(type)) break;
      return new StructBuilder(type, duckType.entryTypes.map(child));
    case DuckDBTypeId.LIST:
      if (!DataType.isList(type)) break;
      return new ListBuilder(type, child(duckType.valueType, 0));
    case DuckDBTypeId.ARRAY:
      if (!DataType.isFixedSizeList(type)) break;
      return new ArrayBuilder(type, child(duckType.valueType, 0));
    case DuckDBTypeId.MAP: {
      const entries = type.children[0]?.type;
      if (!DataType.isMap(type) || !DataType.isStruct(entries)) break;
      const fields = [duckType.keyType, duckType.valueType].map((inner, i) =>
        makeBuilder(inner, entries.children[i]!.type, capacity),
      );
      return new ListBuilder(type, new StructBuilder(entries, fields));
    }
    default:
      if (DataType.isBool(type)) return new BoolBuilder(type, capacity);
      if (DataType.isNull(type)) return new NullBuilder(type);
      if (DataType.isUtf8(type)) return new BytesBuilder(type, capacity, asText());
      return new FixedBuilder(type, byteWidth(duckType), capacity);
  }
  throw new Error(`No Arrow column of ${type.toString()} can hold ${duckType.toString()}`);
}
