/**
 * `bucket` and `truncate` as DuckDB macros (spec chapter 03): the same values as `hash-value.ts` and `evaluate.ts`,
 * for fragments, loads and users' SQL alike.
 *
 * How they are written, and why:
 * - 64-bit arithmetic that must wrap goes through UHUGEINT with masks and `>>`. On UHUGEINT, `//` and `%` are some
 *   400 times slower per row and `<<` seven times; a left shift is therefore a multiplication, or done on UBIGINT.
 * - A macro's argument is copied to each of its uses. The engine computes equal copies once, but not inside CASE or
 *   a lambda, so long intermediate results are named there by a lambda over a one-element list.
 * - Wrong arguments fail as the cast of a sentence to a number: `error()` is volatile, and a volatile expression is
 *   neither folded nor pushed down.
 * - The type decides the overload when the query is bound: integers hash in their own width, so an implicit cast
 *   would place a row elsewhere. Types without an overload of their own go through `typeof`, which is folded.
 */
const mask64 = "18446744073709551615::UHUGEINT";
const multiple = "6364136223846793005::UHUGEINT";
const seeds = {
  pad: 0x452821e638d01377n ^ 0x53n,
  buffer: 0xbe5466cf34e90c6cn ^ 0x50n,
  key0: 0xc0ac29b7c97c50ddn ^ 0x49n,
  key1: 0x3f84d5b5b5470917n ^ 0x4345n,
};
const wide = (value: bigint) => `${value}::UHUGEINT`;
/** `body` with `name` standing for the value of `expression`. */
const name = (as: string, expression: string, body: string) =>
  `list_transform([${expression}], lambda ${as}: ${body})[1]`;
/** Low and high half of a product, xor-ed; `product` is computed once where the engine shares equal expressions. */
const foldShared = (a: string, b: string) => `xor((${a}) * ${b} & ${mask64}, ((${a}) * ${b}) >> 64)`;
const fold = (a: string, b: string) => name("p", `(${a}) * ${b}`, `xor(p & ${mask64}, p >> 64)`);
/** Rotate a UBIGINT left by `count`, without the overflow that `<<` checks for. */
const rotate = (x: string, count: string) =>
  `(((${x}) & (18446744073709551615::UBIGINT >> (${count}))) << (${count})) | ((${x}) >> (64::UBIGINT - (${count})))`;

/** ahash's end: fold with the pad, rotate by the buffer's low bits. */
function finish(buffer: string): string {
  return rotate(`${foldShared(buffer, wide(seeds.pad))}::UBIGINT`, `((${buffer})::UBIGINT & 63::UBIGINT)`);
}

/** Reverse the bytes of a UBIGINT that is a plain name. */
const swap = (x: string) =>
  `((${x} & 255) << 56) | ((${x} & 65280) << 40) | ((${x} & 16711680) << 24) | ((${x} & 4278190080) << 8) | ((${x} >> 8) & 4278190080) | ((${x} >> 24) & 16711680) | ((${x} >> 40) & 65280) | (${x} >> 56)`;
/** A UBIGINT per length 0 … 16, looked up by the length `n`. */
const byLength = (n: string, of: (length: number) => bigint) =>
  `([${Array.from({ length: 17 }, (_, length) => of(length)).join(",")}]::UBIGINT[])[(${n}) + 1]`;

/** How ahash reads a block of at most 16 bytes: its first and its last 8, 4, 2 or 1. */
const part = (length: number) => (length > 8 ? 8 : length > 3 ? 4 : length > 1 ? 2 : length);

/**
 * One round over at most 16 bytes. `word` is the bytes as one big-endian UHUGEINT, `n` their number, `start` the
 * buffer before `write`. No CASE and no lambda with captures: both cost more than all the arithmetic.
 */
function shortWrite(word: string, n: string, start: string): string {
  const first = `(((${word}) >> ${byLength(n, (l) => BigInt(8 * (l - part(l))))}::UHUGEINT)::UBIGINT * ${byLength(n, (l) => (l === 0 ? 0n : 1n << BigInt(64 - 8 * part(l))))})`;
  // Of two or three bytes the last part is one byte.
  const tail = (l: number) => (l === 2 || l === 3 ? 1 : part(l));
  const last = `((((${word}) & ${mask64})::UBIGINT & ${byLength(n, (l) => (1n << BigInt(8 * tail(l))) - 1n)}) * ${byLength(n, (l) => (l === 0 ? 0n : 1n << BigInt(64 - 8 * tail(l))))})`;
  const mixed = fold(
    `xor(${name("h", first, swap("h"))}, ${seeds.key0}::UBIGINT)::UHUGEINT`,
    `xor(${name("h", last, swap("h"))}, ${seeds.key1}::UBIGINT)::UHUGEINT`,
  );
  return rotate23(`xor(${padded(lengthMixed(start, n))}, ${mixed})`);
}

const lengthMixed = (start: string, n: string) =>
  `(((${start}) + (${n})::UHUGEINT) & ${mask64}) * ${multiple} & ${mask64}`;
const padded = (buffer: string) => `(((${buffer}) + ${wide(seeds.pad)}) & ${mask64})`;
/** Rotated left by 23: what a multiplication by 2^23 pushes out of the low half comes back below. */
const rotate23 = (x: string) => name("m", `(${x}) * 8388608::UHUGEINT`, `(m & ${mask64}) | (m >> 64)`);

/** What the sixteen bytes of `data` after the first `offset` contribute to their round. */
function mixedBlock(data: string, offset: string): string {
  return name(
    "q",
    `array_slice(${data}, (${offset}) + 1, (${offset}) + 16)::BIT::UHUGEINT`,
    fold(
      `xor(${name("h", "(q >> 64)::UBIGINT", swap("h"))}, ${seeds.key0}::UBIGINT)::UHUGEINT`,
      `xor(${name("h", `(q & ${mask64})::UBIGINT`, swap("h"))}, ${seeds.key1}::UBIGINT)::UHUGEINT`,
    ),
  );
}

const round = (buffer: string, mixed: string) => rotate23(`xor(${padded(buffer)}, ${mixed})`);

/** How many blocks of sixteen after the tail are written out; longer data loops over a list. */
const unrolled = 3;

function longWrite(data: string, n: string, start: string): string {
  const first = round(lengthMixed(start, n), mixedBlock(data, `${n} - 16`));
  let branches = "";
  let buffer = first;
  for (let blocks = 1; blocks <= unrolled; blocks++) {
    buffer = round(buffer, mixedBlock(data, String((blocks - 1) * 16)));
    branches += ` WHEN ${n} <= ${(blocks + 1) * 16} THEN ${buffer}`;
  }
  const mixed = `list_transform(range(0, (${n} - 1) // 16), lambda j: ${mixedBlock(data, "j * 16")})`;
  const loop = `list_reduce(${mixed}, lambda acc, e: ${round("acc", "e")}, ${first})`;
  return `CASE WHEN ${n} <= 16 THEN 0::UHUGEINT${branches} ELSE ${loop} END`;
}

/** The buffer after Rust's `Hasher::write` of the blob `data`, from the buffer `start`. */
function write(data: string, n: string, start: string): string {
  // An empty blob has no BIT; length 0 masks everything away.
  const word = `(CASE WHEN ${n} BETWEEN 1 AND 16 THEN ${data} ELSE ' '::BLOB END)::BIT::UHUGEINT`;
  const short = shortWrite(word, `(CASE WHEN ${n} <= 16 THEN ${n} ELSE 0 END)`, start);
  return `(${short} * (${n} <= 16)::UTINYINT + ${longWrite(data, n, start)})`;
}

function hash128(value: string): string {
  // Masking a HUGEINT gives its two's complement.
  const half = (shift: number, key: bigint) =>
    `xor((((${value}) >> ${shift}) & 18446744073709551615)::UHUGEINT, ${wide(key)})`;
  const mixed = fold(half(0, seeds.key0), half(64, seeds.key1));
  return finishOnce(rotate23(`xor(${padded(wide(seeds.buffer))}, ${mixed})`));
}

function finishOnce(buffer: string): string {
  return name("b", buffer, finish("b"));
}

const hashes: Readonly<Record<string, string>> = {
  "__hash_u64(v)": name(
    "g",
    name(
      "b",
      fold(`xor((v)::UBIGINT, ${seeds.buffer}::UBIGINT)::UHUGEINT`, multiple),
      // Multiplied by 2^count: the rotation's two halves in one number.
      `${foldShared("b", wide(seeds.pad))} * (1::UBIGINT << (b::UBIGINT & 63))::UHUGEINT`,
    ),
    `((g & ${mask64}) | (g >> 64))::UBIGINT`,
  ),
  // Twice as fast, but only where the engine computes equal expressions once: in a SELECT list, not in WHERE.
  "__hash_u64_projected(v)": finish(
    foldShared(`xor((v)::UBIGINT, ${seeds.buffer}::UBIGINT)::UHUGEINT`, multiple),
  ),
  "__hash_u128(v)": hash128("v"),
  "__hash_str(v)": finishOnce(
    fold(`xor(${write("encode(v)", "strlen(v)", wide(seeds.buffer))}, 255::UHUGEINT)`, multiple),
  ),
  "__hash_bytes(v)": finishOnce(
    write("(v)", "octet_length(v)", fold(`xor(octet_length(v)::UHUGEINT, ${wide(seeds.buffer)})`, multiple)),
  ),
};

/** Ticks of a timestamp, which the engine's own functions do not give for the infinities. */
const ticks = (of: string, type = "TIMESTAMP") =>
  `((CASE WHEN isfinite(v) THEN ${of} WHEN v > 'epoch'::${type} THEN 9223372036854775807 WHEN v < 'epoch'::${type} THEN -9223372036854775807 END)::HUGEINT & 18446744073709551615)::UBIGINT`;

/** The hash of each type's integer, in its own width. */
const bucketHashes: Readonly<Record<string, string>> = {
  TINYINT: "__hash_u64(v::SMALLINT & 255)",
  SMALLINT: "__hash_u64(v::INTEGER & 65535)",
  INTEGER: "__hash_u64(v::BIGINT & 4294967295)",
  BIGINT: "__hash_u64(v::HUGEINT & 18446744073709551615)",
  HUGEINT: "__hash_u128(v)",
  UTINYINT: "__hash_u64(v)",
  USMALLINT: "__hash_u64(v)",
  UINTEGER: "__hash_u64(v)",
  UBIGINT: "__hash_u64(v)",
  UHUGEINT: "__hash_u128(v)",
  BOOLEAN: "__hash_u64(v::UTINYINT)",
  DATE: "__hash_u64((v - DATE '1970-01-01') & 4294967295)",
  TIME: "__hash_u64(epoch_us(v))",
  TIMESTAMP: `__hash_u64(${ticks("epoch_us(v)")})`,
  TIMESTAMPTZ: `__hash_u64(${ticks("epoch_us(v)", "TIMESTAMPTZ")})`,
  TIMESTAMP_S: `__hash_u64(${ticks("epoch_ms(v) // 1000")})`,
  TIMESTAMP_MS: `__hash_u64(${ticks("epoch_ms(v)")})`,
  TIMESTAMP_NS: `__hash_u64(${ticks("epoch_ns(v)")})`,
  VARCHAR: "__hash_str(v)",
  BLOB: "__hash_bytes(v)",
};
const projectedHashes = Object.fromEntries(
  Object.entries(bucketHashes).map(([type, hash]) => [
    type,
    hash.replace("__hash_u64(", "__hash_u64_projected("),
  ]),
);
// DECIMAL has no overload: a typed parameter would cast to one precision and scale.
const bucketOther = `CASE
 WHEN typeof(v) = 'DOUBLE' THEN __hash_u64(v::DOUBLE::BIT::UBIGINT)
 WHEN typeof(v) = 'FLOAT' THEN __hash_u64(v::FLOAT::BIT::UINTEGER)
 WHEN typeof(v) LIKE 'DECIMAL(%' THEN __hash_u128(replace(v::VARCHAR, '.', '')::HUGEINT)
 WHEN typeof(v) = 'UUID' THEN __hash_str(v::VARCHAR)
 ELSE ('bucket() does not support partitioning by column type: ' || typeof(v))::UBIGINT END`;
const bucketCount =
  "(CASE WHEN n BETWEEN 1 AND 1000000 THEN n ELSE ('Invalid number of buckets: ' || n || '. Must be a positive integer less than 1000000.')::UBIGINT END)::UBIGINT";
const bucketBody = (hash: string) => `((${hash}) % ${bucketCount})::BIGINT`;

const width =
  "(CASE WHEN w BETWEEN 1 AND 4611686018427387903 THEN w ELSE ('Invalid width value: ''' || w || '''. Must be a positive integer less than or equal to 4611686018427387903')::BIGINT END)::BIGINT";
const floorWithin = (value: string, work: string) =>
  `(${value}::${work} - (((${value}::${work} % ${width}) + ${width}) % ${width}))`;
const truncates: Readonly<Record<string, string>> = {
  TINYINT: `${floorWithin("v", "HUGEINT")}::TINYINT`,
  SMALLINT: `${floorWithin("v", "HUGEINT")}::SMALLINT`,
  INTEGER: `${floorWithin("v", "HUGEINT")}::INTEGER`,
  BIGINT: floorWithin("v", "BIGINT"),
  HUGEINT: floorWithin("v", "HUGEINT"),
  UTINYINT: `(v - v::UBIGINT % ${width}::UBIGINT)::UTINYINT`,
  USMALLINT: `(v - v::UBIGINT % ${width}::UBIGINT)::USMALLINT`,
  UINTEGER: `(v - v::UBIGINT % ${width}::UBIGINT)::UINTEGER`,
  UBIGINT: `v - v % ${width}::UBIGINT`,
  UHUGEINT: `v - v % ${width}::UHUGEINT`,
  VARCHAR: `left(v, ${width})`,
  BLOB: `array_slice(v, 1, ${width})`,
};
/** A decimal is floored on its unscaled integer: through text, since a macro cannot name the argument's scale. */
const unscaledFloor = floorWithin("replace(v::VARCHAR, '.', '')", "HUGEINT");
const scale = "coalesce(nullif(regexp_extract(typeof(v), ',([0-9]+)', 1), ''), '0')::BIGINT";
const decimalText = name(
  "t",
  unscaledFloor,
  name(
    "a",
    `lpad(ltrim(t::VARCHAR, '-'), greatest(length(ltrim(t::VARCHAR, '-')), ${scale} + 1)::INTEGER, '0')`,
    `CASE WHEN t < 0 THEN '-' ELSE '' END || left(a, length(a) - ${scale}) || '.' || right(a, ${scale})`,
  ),
);
const truncateOther = `CASE WHEN typeof(v) LIKE 'DECIMAL(%' THEN cast_to_type(${decimalText}, v)
 ELSE cast_to_type('Second argument must be an integer, a decimal, a string or binary, got ' || typeof(v), v) END`;

/**
 * Statements that create the macros in the current database; run once per DuckDB instance, before any SQL that
 * uses `bucket` or `truncate`. The names that start with `__` are internal. `bucket` returns BIGINT in SQL.
 */
export const duckdbMacros: readonly string[] = [
  ...Object.entries(hashes).map(([head, body]) => `CREATE OR REPLACE MACRO ${head} AS (${body})`),
  overloads("bucket", "n", bucketHashes, bucketOther, bucketBody),
  overloads("__bucket_projected", "n", projectedHashes, bucketOther, bucketBody),
  overloads("truncate", "w", truncates, truncateOther, (body) => body),
];

/** How a call is printed where `bucket` stands in a SELECT list; undefined for what is printed as it is. */
export function projectedCall<T>(
  name: string,
  args: readonly T[],
  print: (arg: T) => string,
): string | undefined {
  return name === "bucket" ? `__bucket_projected(${args.map(print).join(", ")})` : undefined;
}

function overloads(
  macro: string,
  parameter: string,
  byType: Readonly<Record<string, string>>,
  other: string,
  wrap: (body: string) => string,
): string {
  const typed = Object.entries(byType).map(([type, body]) => `(${parameter}, v ${type}) AS ${wrap(body)}`);
  return `CREATE OR REPLACE MACRO ${macro} ${[...typed, `(${parameter}, v) AS ${wrap(other)}`].join(",\n")}`;
}
