import type { DuckDBType } from "@duckdb/node-api";
import { DataType, type Field, IntervalUnit, TimeUnit, Type } from "apache-arrow";
import { arrowType } from "../../../../adapters/arrow/arrow-type.ts";
import type { Json } from "../../../../ports/database.ts";

/** The JSON form of an Arrow schema as the vendor format has it: `{"fields": […], "metadata": {}}`. */
export function arrowSchemaJson(fields: readonly Json[]): Json {
  return { fields: [...fields], metadata: {} };
}

/** One column as a JSON field: `{"name", "data_type", "nullable", "dict_id", "dict_is_ordered", "metadata"}`. */
export function arrowField(name: string, type: DuckDBType): Json {
  return fieldJson(name, arrowType(type), true);
}

function fieldJson(name: string, type: DataType, nullable: boolean): Json {
  return { name, data_type: typeJson(type), nullable, dict_id: 0, dict_is_ordered: false, metadata: {} };
}

const children = (fields: readonly Field[]) => fields.map((f) => fieldJson(f.name, f.type, f.nullable));

const units: Readonly<Record<TimeUnit, string>> = {
  [TimeUnit.SECOND]: "Second",
  [TimeUnit.MILLISECOND]: "Millisecond",
  [TimeUnit.MICROSECOND]: "Microsecond",
  [TimeUnit.NANOSECOND]: "Nanosecond",
};

function typeJson(type: DataType): Json {
  if (DataType.isDecimal(type)) return { Decimal128: [type.precision, type.scale] };
  if (DataType.isTimestamp(type)) return { Timestamp: [units[type.unit], type.timezone ?? null] };
  if (DataType.isTime(type)) return { [`Time${type.bitWidth}`]: units[type.unit] };
  if (DataType.isInterval(type)) {
    return { Interval: type.unit === IntervalUnit.MONTH_DAY_NANO ? "MonthDayNano" : "DayTime" };
  }
  if (DataType.isDate(type)) return "Date32";
  if (DataType.isBool(type)) return "Boolean";
  if (DataType.isList(type)) return { List: children(type.children)[0]! };
  if (DataType.isFixedSizeList(type)) return { FixedSizeList: [children(type.children)[0]!, type.listSize] };
  if (DataType.isStruct(type)) return { Struct: children(type.children) };
  if (DataType.isMap(type)) return { Map: [children(type.children)[0]!, false] };
  if (DataType.isUnion(type)) {
    return { Union: [children(type.children).map((child, i) => [i, child]), "Sparse"] };
  }
  if (DataType.isInt(type)) return `${type.isSigned ? "Int" : "UInt"}${type.bitWidth}`;
  if (DataType.isFloat(type))
    return type.typeId === Type.Float && type.precision === 1 ? "Float32" : "Float64";
  if (DataType.isBinary(type)) return "Binary";
  return DataType.isNull(type) ? "Null" : "Utf8";
}
