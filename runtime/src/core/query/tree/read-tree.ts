import type { Statement } from "./tree.ts";

/** The engine's parser refused the text, or it is a kind of statement that has no tree. */
export class TreeError extends Error {
  override readonly name = "TreeError";
  /** DuckDB's class of error: `parser`, `not implemented`, … */
  readonly category: string;
  /** Byte offset in the statement, where known. */
  readonly position: number | undefined;
  constructor(message: string, category: string, position: number | undefined) {
    super(message);
    this.category = category;
    this.position = position;
  }
}

/** A parsed statement with the parameters that it names. */
export interface ParsedStatement extends Statement {
  readonly named_param_map: readonly { readonly key: string; readonly value: number }[];
}

/**
 * Read the result of `json_serialize_sql` or `json_serialize_plan`. DuckDB writes 64-bit integers and non-finite
 * doubles as they are: integers that a double does not hold become `bigint`, and `NaN`, `Infinity` their numbers.
 */
export function readEngineJson(text: string): unknown {
  // "No location" is 2^64-1 on nearly every node: shortened first, so that the reviver is rarely needed.
  const short = text.replaceAll('"query_location":18446744073709551615', '"query_location":-1');
  const finite = /[:,[]-?(?:NaN|Infinity)[,\]}]/.test(short)
    ? short.replaceAll(/(?<=[:,[])-?(?:NaN|Infinity)(?=[,\]}])/g, (n) => `{"$double":"${n}"}`)
    : short;
  if (finite === short && !/\d{16}/.test(finite)) return JSON.parse(finite);
  return JSON.parse(
    finite,
    function revive(this: unknown, _key, value: unknown, context?: { source?: string }) {
      if (
        typeof value === "number" &&
        !Number.isSafeInteger(value) &&
        /^-?\d+$/.test(context?.source ?? "")
      ) {
        return BigInt(context?.source as string);
      }
      if (typeof value === "object" && value !== null && "$double" in value) {
        return Number((value as { $double: string }).$double);
      }
      return value;
    },
  );
}

/** A tree as the JSON that `json_deserialize_sql` takes. */
export function writeEngineJson(tree: unknown): string {
  const marked = JSON.stringify(tree, (_key, value: unknown) =>
    typeof value === "bigint" ? `\u0000big:${value}` : value,
  );
  return marked
    .replaceAll('"query_location":-1', '"query_location":18446744073709551615')
    .replaceAll(/"\\u0000big:(-?\d+)"/g, "$1");
}

interface SerializedSql {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly ParsedStatement[];
}

/**
 * The statements of a text that `json_serialize_sql` turned into JSON.
 * @throws TreeError when the parser refused the text.
 */
export function readStatements(json: string): readonly ParsedStatement[] {
  const result = readEngineJson(json) as SerializedSql;
  if (result.error || result.statements === undefined) {
    const position = result.position === undefined ? undefined : Number(result.position);
    throw new TreeError(result.error_message ?? "not a statement", result.error_type ?? "unknown", position);
  }
  return result.statements;
}
