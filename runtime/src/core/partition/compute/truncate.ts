import type { ColumnType } from "../column-type.ts";
import type { Value } from "../value.ts";

/** Whether `truncate` accepts values of this type. */
export function truncates(type: ColumnType): boolean {
  return ["integer", "decimal", "varchar", "enum", "blob"].includes(type.kind);
}

/**
 * `truncate(width, value)`: integers (and the unscaled integer of a decimal) down to a multiple of the width,
 * strings to their first `width` characters, binary to its first `width` bytes (spec chapter 03).
 */
export function truncateValue(
  width: bigint,
  type: ColumnType,
  value: Exclude<Value, null>,
): Exclude<Value, null> {
  if (type.kind === "integer" || type.kind === "decimal") {
    const remainder = (value as bigint) % width;
    return (value as bigint) - (remainder < 0n ? remainder + width : remainder);
  }
  if (typeof value === "string") return firstCharacters(value, Number(width));
  return (value as Uint8Array).subarray(0, Number(width));
}

function firstCharacters(text: string, count: number): string {
  if (text.length <= count) return text;
  let end = 0;
  for (let i = 0; i < count && end < text.length; i++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
