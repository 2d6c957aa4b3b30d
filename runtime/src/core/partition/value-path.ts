import { createHash } from "node:crypto";

const nullName = "__HIVE_DEFAULT_PARTITION__";
/** A longer encoded value is cut and identified by its hash: file systems stop at 255 bytes a name. */
const longest = 200;
const kept = 100;

/** What a directory name says of its value. */
export type ParsedSegment =
  | { readonly kind: "value"; readonly name: string; readonly value: string | null }
  /** The value was too long: its beginning, and the SHA-256 of its UTF-8 in hexadecimal. */
  | { readonly kind: "hashed"; readonly name: string; readonly prefix: string; readonly sha256: string };

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

/** Read a directory name; `undefined` when {@link pathSegment} did not write it. */
export function parsePathSegment(segment: string): ParsedSegment | undefined {
  const match = /^([A-Za-z0-9_]+)=(.*)$/s.exec(segment);
  if (match === null) return undefined;
  const name = match[1]!;
  const text = match[2]!;
  if (text === nullName) return { kind: "value", name, value: null };
  const hashed = /^([^~]*)~([0-9a-f]{64})$/.exec(text);
  if (hashed !== null) {
    const prefix = decodeValue(hashed[1]!);
    return prefix === undefined || percentEncode(prefix) !== hashed[1]!
      ? undefined
      : { kind: "hashed", name, prefix, sha256: hashed[2]! };
  }
  const value = decodeValue(text);
  return value === undefined || encodeValue(value) !== text ? undefined : { kind: "value", name, value };
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

function decodeValue(text: string): string | undefined {
  if (!/^(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})*$/.test(text)) return undefined;
  const bytes = text.match(/%..|./g) ?? [];
  const byteOf = (part: string) =>
    part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0);
  // Bytes that are no UTF-8 become other characters, whose encoding then differs from the text.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes, byteOf));
}
