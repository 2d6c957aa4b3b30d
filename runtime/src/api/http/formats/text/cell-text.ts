import { DuckDBTypeId } from "@duckdb/node-api";
import { type CellText, scalarText } from "../../../../adapters/duckdb/text/scalar-text.ts";
import { isValid, listEntry, type RawVector } from "../../../../adapters/duckdb/vector/raw-vector.ts";

/** The JSON text of a vector's values; NULL is `null`. */
export function jsonCells(vector: RawVector): CellText {
  const write = jsonValue(vector);
  if (vector.validity === null) return write;
  return (row) => (isValid(vector, row) ? write(row) : "null");
}

/** The text of a vector's values as people read it: scalars bare, nested values as JSON; NULL is `undefined`. */
export function plainCells(vector: RawVector): (row: number) => string | undefined {
  const write = scalarText(vector)?.text ?? jsonValue(vector);
  return (row) => (isValid(vector, row) ? write(row) : undefined);
}

function jsonValue(vector: RawVector): CellText {
  const scalar = scalarText(vector);
  if (scalar !== undefined) {
    const { text, bare } = scalar;
    return (row) => (bare(row) ? text(row) : JSON.stringify(text(row)));
  }
  const { type } = vector;
  switch (type.typeId) {
    case DuckDBTypeId.LIST: {
      const item = jsonCells(vector.children[0]!);
      return (row) => {
        const { offset, length } = listEntry(vector, row);
        return array(item, offset, length);
      };
    }
    case DuckDBTypeId.ARRAY: {
      const item = jsonCells(vector.children[0]!);
      return (row) => array(item, row * type.length, type.length);
    }
    case DuckDBTypeId.MAP:
      return mapValue(vector);
    case DuckDBTypeId.STRUCT:
      return structValue(vector, type.entryNames);
    case DuckDBTypeId.UNION: {
      const members = vector.children.slice(1).map(jsonCells);
      const names = type.memberTags.map((tag) => JSON.stringify(tag));
      const tags = vector.children[0]!.data;
      return (row) => `{${names[tags[row]!]}:${members[tags[row]!]!(row)}}`;
    }
    default:
      throw new Error(`Results of type ${type.toString()} cannot be written`);
  }
}

function array(item: CellText, offset: number, length: number): string {
  let text = "[";
  for (let i = 0; i < length; i++) text += (i === 0 ? "" : ",") + item(offset + i);
  return `${text}]`;
}

/** An object by field name; an array when the fields have no names, as those of `ROW(…)`. */
function structValue(vector: RawVector, fieldNames: readonly string[]): CellText {
  const fields = vector.children.map(jsonCells);
  if (fieldNames.every((name) => name === "")) {
    return (row) => `[${fields.map((field) => field(row)).join(",")}]`;
  }
  const names = fieldNames.map((name) => JSON.stringify(name));
  return (row) => `{${fields.map((field, i) => `${names[i]}:${field(row)}`).join(",")}}`;
}

/** An object by the key's text. */
function mapValue(vector: RawVector): CellText {
  const [keys, values] = vector.children[0]!.children;
  const key = plainCells(keys!);
  const value = jsonCells(values!);
  return (row) => {
    const { offset, length } = listEntry(vector, row);
    let text = "{";
    for (let i = offset; i < offset + length; i++) {
      text += `${i === offset ? "" : ","}${JSON.stringify(key(i) ?? "null")}:${value(i)}`;
    }
    return `${text}}`;
  };
}
