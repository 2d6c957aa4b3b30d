/** A DuckDB type as far as the comparison of values needs it. */
export type ValueType =
  | { readonly kind: "integer" }
  | { readonly kind: "decimal"; readonly scale: number }
  | { readonly kind: "float" }
  | { readonly kind: "boolean" }
  | { readonly kind: "time" }
  | { readonly kind: "text" }
  | { readonly kind: "opaque" }
  | { readonly kind: "list"; readonly item: ValueType }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [string, ValueType])[] }
  | { readonly kind: "map"; readonly key: ValueType; readonly value: ValueType };

const integers = /^(U?TINYINT|U?SMALLINT|U?INTEGER|U?BIGINT|U?HUGEINT|BIGNUM)$/;

/** Read a type as DuckDB prints it, e.g. `STRUCT(a INTEGER, "b c" DOUBLE[])[]`. Unknown types are `opaque`. */
export function parseType(text: string): ValueType {
  const type = text.trim();
  const list = /\[\d*\]$/.exec(type);
  if (list !== null) return { kind: "list", item: parseType(type.slice(0, list.index)) };
  if (integers.test(type)) return { kind: "integer" };
  if (type === "DOUBLE" || type === "FLOAT") return { kind: "float" };
  if (type === "BOOLEAN") return { kind: "boolean" };
  if (type === "VARCHAR") return { kind: "text" };
  if (/^(DATE|TIME|TIMESTAMP)/.test(type)) return { kind: "time" };
  const decimal = /^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type);
  if (decimal !== null) return { kind: "decimal", scale: Number(decimal[1]) };
  const inner = /^(STRUCT|MAP)\((.*)\)$/s.exec(type);
  if (inner === null) return { kind: "opaque" };
  const parts = splitTopLevel(inner[2]!);
  if (inner[1] === "MAP") return { kind: "map", key: parseType(parts[0]!), value: parseType(parts[1]!) };
  return { kind: "struct", fields: parts.map(parseField) };
}

/** Whether a value of the type holds a floating number somewhere, so that it is compared with a tolerance. */
export function isInexact(type: ValueType): boolean {
  switch (type.kind) {
    case "float":
      return true;
    case "list":
      return isInexact(type.item);
    case "struct":
      return type.fields.some(([, field]) => isInexact(field));
    case "map":
      return isInexact(type.key) || isInexact(type.value);
    default:
      return false;
  }
}

function parseField(text: string): readonly [string, ValueType] {
  const quoted = /^"((?:[^"]|"")*)"\s+(.*)$/s.exec(text);
  if (quoted !== null) return [quoted[1]!.replaceAll('""', '"'), parseType(quoted[2]!)];
  const space = text.indexOf(" ");
  return [text.slice(0, space), parseType(text.slice(space + 1))];
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}
