import {
  bigintType,
  booleanType,
  type ColumnType,
  formatColumnType,
  timestampInfinity,
  timestampType,
  timestampTzType,
  varcharType,
} from "../column-type.ts";
import { microsOf, withinTime } from "../compute/cast.ts";
import { type Compiled, mapped } from "../compute/compiled.ts";
import { datePart, datePartUnit, increasingParts, partFunctions } from "../compute/date-parts.ts";
import { dateTrunc, dateTruncUnit } from "../compute/date-trunc.ts";
import { truncates, truncateValue } from "../compute/truncate.ts";
import { bucketOf, hashValue } from "../hash/hash-value.ts";
import type { Value } from "../value.ts";

/** A call whose arguments have the wrong number, type or value. The message is what the user is told. */
export class FunctionArgumentError extends Error {
  override readonly name = "FunctionArgumentError";
}

/** The greatest N of `bucket`. */
export const maxBuckets = 1_000_000n;
/** The greatest W of `truncate`. */
export const maxWidth = 4_611_686_018_427_387_903n;

type Build = (args: readonly Compiled[]) => Compiled | undefined;

const functions: ReadonlyMap<string, Build> = new Map<string, Build>([
  ["bucket", bucket],
  ["truncate", truncate],
  ["date_part", datePartCall],
  ["datepart", datePartCall],
  ["extract", datePartCall],
  ["date_trunc", dateTruncCall],
  ["datetrunc", dateTruncCall],
  ["lower", asciiOnly((text) => text.toLowerCase())],
  ["lcase", asciiOnly((text) => text.toLowerCase())],
  ["upper", asciiOnly((text) => text.toUpperCase())],
  ["ucase", asciiOnly((text) => text.toUpperCase())],
  ...["length", "len", "char_length", "character_length"].map(
    (name) => [name, textTo(bigintType, (text) => BigInt([...text].length))] as const,
  ),
  ["strlen", textTo(bigintType, (text) => BigInt(new TextEncoder().encode(text).length))],
  ["left", sliceCall((characters, n) => characters.slice(0, n))],
  ["right", sliceCall((characters, n) => characters.slice(Math.max(0, characters.length - n)))],
  ["substr", substring],
  ["substring", substring],
  ["starts_with", startsWith],
  ["prefix", startsWith],
  ["abs", abs],
  ...[...partFunctions].map(
    (name) =>
      [
        name,
        (args: readonly Compiled[]) => (args.length === 1 ? partOf(name, args[0]!) : undefined),
      ] as const,
  ),
]);

/** Whether calls of this function can be computed here. */
export function isKnownFunction(name: string): boolean {
  return functions.has(name.toLowerCase());
}

/**
 * A call of a function known here, else `undefined`. Throws {@link FunctionArgumentError} for `bucket` and
 * `truncate` with wrong arguments (spec chapter 03).
 */
export function compileCall(name: string, args: readonly Compiled[]): Compiled | undefined {
  return functions.get(name.toLowerCase())?.(args);
}

function bucket(args: readonly Compiled[]): Compiled | undefined {
  const [count, value] = two(args);
  const usage =
    "Ensure the function is called like `bucket(num_buckets, column)`, for example `bucket(10, my_column)`.";
  if (!count.constant) {
    throw new FunctionArgumentError(
      `Bucket function first argument must be a positive number, got a column of type ${formatColumnType(count.type)}. ${usage}`,
    );
  }
  const n = count.apply(null);
  if (typeof n !== "bigint" || count.type.kind !== "integer") {
    throw new FunctionArgumentError(
      `Bucket function first argument must be a positive number, got a scalar value ${n === null ? "NULL" : String(n)}. ${usage}`,
    );
  }
  if (n < 1n || n > maxBuckets) {
    throw new FunctionArgumentError(
      `Invalid number of buckets: ${n}. Must be a positive integer less than 1000000.`,
    );
  }
  if (!hashable(value.type)) {
    throw new FunctionArgumentError(
      `bucket() does not support partitioning by column type: ${formatColumnType(value.type)}`,
    );
  }
  const buckets = Number(n);
  return mapped(value, count.type, (v) => BigInt(bucketOf(buckets, value.type, v)!), false);
}

const samples: Partial<Record<ColumnType["kind"], Exclude<Value, null>>> = {
  boolean: true,
  float: 0,
  varchar: "",
  uuid: "",
  enum: "",
  blob: new Uint8Array(),
};

function hashable(type: ColumnType): boolean {
  return hashValue(type, samples[type.kind] ?? 0n) !== undefined;
}

function truncate(args: readonly Compiled[]): Compiled | undefined {
  const [width, value] = two(args);
  const w = width.constant ? width.apply(null) : undefined;
  if (typeof w !== "bigint" || width.type.kind !== "integer") {
    throw new FunctionArgumentError(
      `Truncation width must be a positive Int64, got ${formatColumnType(width.type)}`,
    );
  }
  if (w < 1n || w > maxWidth) {
    throw new FunctionArgumentError(
      `Invalid width value: '${w}'. Must be a positive integer less than or equal to ${maxWidth}`,
    );
  }
  if (!truncates(value.type)) {
    throw new FunctionArgumentError(
      `Second argument must be Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Decimal128, Decimal256, Utf8, or Binary, got ${formatColumnType(value.type)}`,
    );
  }
  const type = value.type;
  const ordered = type.kind === "integer" || type.kind === "decimal";
  return mapped(value, type.kind === "enum" ? varcharType : type, (v) => truncateValue(w, type, v), ordered);
}

function two(args: readonly Compiled[]): readonly [Compiled, Compiled] {
  if (args.length !== 2)
    throw new FunctionArgumentError(`Expected exactly two arguments, got ${args.length}`);
  return [args[0]!, args[1]!];
}

function datePartCall(args: readonly Compiled[]): Compiled | undefined {
  const unit = args[0]?.constant === true ? args[0].apply(null) : undefined;
  return args.length === 2 && typeof unit === "string" ? partOf(unit, args[1]!) : undefined;
}

function partOf(unitText: string, operand: Compiled): Compiled | undefined {
  const unit = datePartUnit(unitText);
  if (unit === undefined || (operand.type.kind !== "date" && operand.type.kind !== "timestamp"))
    return undefined;
  const type = operand.type;
  const apply = (value: Exclude<Value, null>) => {
    const micros = microsOf(type, value as bigint);
    return isInfinite(micros) ? null : datePart(unit, micros);
  };
  return { ...mapped(operand, bigintType, apply, increasingParts.has(unit)), nullAtInfinity: true };
}

function dateTruncCall(args: readonly Compiled[]): Compiled | undefined {
  const unitText = args[0]?.constant === true ? args[0].apply(null) : undefined;
  const operand = args[1];
  if (args.length !== 2 || typeof unitText !== "string" || operand === undefined) return undefined;
  const unit = dateTruncUnit(unitText);
  const type = operand.type;
  if (unit === undefined || (type.kind !== "date" && type.kind !== "timestamp")) return undefined;
  const result = type.kind === "timestamp" && type.zoned ? timestampTzType : timestampType;
  const apply = (value: Exclude<Value, null>) => {
    const micros = microsOf(type, value as bigint);
    return isInfinite(micros) ? micros : withinTime(dateTrunc(unit, micros));
  };
  return mapped(operand, result, apply, true);
}

const isInfinite = (micros: bigint) => micros >= timestampInfinity || micros <= -timestampInfinity;

/** Case mapping beyond ASCII differs between engines, so it is left to the one that holds the rows. */
function asciiOnly(map: (text: string) => string): Build {
  return textTo(varcharType, (text) => (isAscii(text) ? map(text) : undefined));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function textTo(type: ColumnType, map: (text: string) => Value | undefined): Build {
  return (args) => {
    const operand = args[0];
    if (args.length !== 1 || operand === undefined || !isText(operand.type)) return undefined;
    return mapped(operand, type, (value) => map(value as string), false);
  };
}

const isText = (type: ColumnType) => type.kind === "varchar" || type.kind === "enum";

function positive(argument: Compiled | undefined): number | undefined {
  const n = argument?.constant === true ? argument.apply(null) : undefined;
  return typeof n === "bigint" && n >= 0n && n <= 1_000_000_000n ? Number(n) : undefined;
}

function sliceCall(cut: (characters: readonly string[], n: number) => readonly string[]): Build {
  return (args) => {
    const n = positive(args[1]);
    const operand = args[0];
    if (args.length !== 2 || n === undefined || operand === undefined || !isText(operand.type))
      return undefined;
    return mapped(operand, varcharType, (value) => cut([...(value as string)], n).join(""), false);
  };
}

function substring(args: readonly Compiled[]): Compiled | undefined {
  const start = positive(args[1]);
  const length = args.length === 3 ? positive(args[2]) : 1_000_000_000;
  const operand = args[0];
  if (args.length < 2 || args.length > 3 || start === undefined || start < 1) return undefined;
  if (length === undefined || operand === undefined || !isText(operand.type)) return undefined;
  return mapped(
    operand,
    varcharType,
    (value) => [...(value as string)].slice(start - 1, start - 1 + length).join(""),
    false,
  );
}

function startsWith(args: readonly Compiled[]): Compiled | undefined {
  const prefix = args[1]?.constant === true ? args[1].apply(null) : undefined;
  const operand = args[0];
  if (args.length !== 2 || typeof prefix !== "string" || operand === undefined || !isText(operand.type)) {
    return undefined;
  }
  return mapped(operand, booleanType, (value) => (value as string).startsWith(prefix), false);
}

function abs(args: readonly Compiled[]): Compiled | undefined {
  const operand = args[0];
  if (args.length !== 1 || operand === undefined || operand.type.kind !== "integer") return undefined;
  return mapped(
    operand,
    operand.type,
    (value) => ((value as bigint) < 0n ? -(value as bigint) : value),
    false,
  );
}
