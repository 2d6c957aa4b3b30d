import { createHash } from "node:crypto";

const nullName = "__HIVE_DEFAULT_PARTITION__";
/** A longer encoded value is cut and identified by its hash: file systems stop at 255 bytes a name. */
const longest = 200;
const kept = 100;

/**
 * The directories of a partition, one a level: `{name}={value}` joined with `/`, safe in file systems and object
 * keys (spec chapter 03, Values and names). Throws a RangeError for a name outside `[A-Za-z0-9_]+`.
 */
export function valuePath(names: readonly string[], values: readonly (string | null)[]): string {
  if (names.length !== values.length) {
    throw new RangeError(`${values.length} partition values for ${names.length} partition expressions`);
  }
  return names.map((name, i) => pathSegment(name, values[i]!)).join("/");
}

/** One directory name. */
export function pathSegment(name: string, value: string | null): string {
  if (!/^[A-Za-z0-9_]+$/.test(name)) {
    throw new RangeError(
      `Invalid partition name '${name}': names must contain only ASCII letters, digits, and underscores`,
    );
  }
  return `${name}=${value === null ? nullName : encodeValue(value)}`;
}

function encodeValue(value: string): string {
  if (value === "." || value === "..") return value.replaceAll(".", "%2E");
  if (value === nullName) return `%5F${value.slice(1)}`;
  const encoded = percentEncode(value);
  if (encoded.length <= longest) return encoded;
  const digest = createHash("sha256").update(value, "utf8").digest("hex");
  return `${firstWhole(value, kept)}~${digest}`;
}

/** As much of the encoded value as fits in `limit` bytes without cutting a character. */
function firstWhole(value: string, limit: number): string {
  let result = "";
  for (const character of value) {
    const encoded = percentEncode(character);
    if (result.length + encoded.length > limit) break;
    result += encoded;
  }
  return result;
}

function percentEncode(text: string): string {
  let result = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    result += /[A-Za-z0-9_.-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return result;
}
