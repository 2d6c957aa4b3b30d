import * as fc from "fast-check";
import type { ComparisonOperator, Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import { parseColumnType } from "../column-type.ts";
import { compileScalar } from "../compute/compile.ts";
import { formatValue, type Value } from "../value.ts";
import { sampleValues } from "./sample-values.ts";

/** The table that random filters are about. */
export const schema = [
  { name: "id", type: "BIGINT" },
  { name: "n", type: "INTEGER" },
  { name: "u", type: "UTINYINT" },
  { name: "s", type: "VARCHAR" },
  { name: "d", type: "DATE" },
  { name: "t", type: "TIMESTAMP" },
  { name: "z", type: "TIMESTAMP WITH TIME ZONE" },
  { name: "b", type: "BOOLEAN" },
  { name: "p", type: "DECIMAL(6,2)" },
  { name: "f", type: "DOUBLE" },
] as const;
type Column = (typeof schema)[number];

/** Partition expressions over it, of every shape. */
export const expressions: readonly string[] = [
  "id",
  "n",
  "s",
  "d",
  "t",
  "z",
  "b",
  "bucket(7, id)",
  "bucket(7::INTEGER, n)",
  "bucket(5, u)",
  "bucket(5, s)",
  "bucket(5, d)",
  "bucket(5, t)",
  "bucket(5, p)",
  "bucket(5, f)",
  "bucket(3, b)",
  "truncate(10, id)",
  "truncate(1, n)",
  "truncate(3, u)",
  "truncate(1, s)",
  "truncate(2, s)",
  "left(s, 3)",
  "id % 5",
  "n % 10",
  "n % (-3)",
  "u % 7",
  "id // 10",
  "n * 2 + 1",
  "p::INTEGER",
  "t::DATE",
  "length(s)",
  "lower(s)",
  "starts_with(s, 'a')",
  "d + 1",
  ...["d", "t", "z"].flatMap((c) => [
    `date_trunc('year', ${c})`,
    `date_trunc('month', ${c})`,
    `date_trunc('week', ${c})`,
    `date_trunc('day', ${c})`,
    `year(${c})`,
    `month(${c})`,
    `day(${c})`,
    `date_part('week', ${c})`,
    `date_part('dow', ${c})`,
    `date_part('isoyear', ${c})`,
    `date_part('doy', ${c})`,
  ]),
  "hour(t)",
  "date_part('century', d)",
  "date_trunc('hour', t)",
];

const literal = (type: string, value: Value): Scalar => ({
  kind: "literal",
  type,
  value: value === null ? null : formatValue(parseColumnType(type), value),
});
const call = (name: string, ...args: Scalar[]): Scalar => ({ kind: "call", name, args });
const cast = (operand: Scalar, type: string): Scalar => ({ kind: "cast", operand, type });
const number = (value: bigint): Scalar => literal("BIGINT", value);
const text = (value: string): Scalar => literal("VARCHAR", value);

/** A small number, so that filters hit. */
const smallInteger = fc.bigInt({ min: -30n, max: 30n });
const unitOf = (...units: string[]) => fc.constantFrom(...units);

/** A value of a column, often a small one. */
export function valueOfColumn(column: { readonly type: string }): fc.Arbitrary<Value> {
  const type = parseColumnType(column.type);
  const samples = fc.constantFrom(...sampleValues(type));
  if (type.kind === "integer" && type.signed) return fc.oneof(samples, smallInteger);
  if (type.kind === "date") return fc.oneof(samples, fc.bigInt({ min: 19_700n, max: 19_830n }));
  if (type.kind === "timestamp") {
    return fc.oneof(
      samples,
      fc.bigInt({ min: 19_700n, max: 19_830n }).map((day) => day * 86_400_000_000n),
    );
  }
  return samples;
}

function scalarOf(column: Column): fc.Arbitrary<Scalar> {
  const node: Scalar = { kind: "column", name: column.name, type: column.type };
  const arithmetic = (op: "+" | "-" | "*" | "%" | "//", right: bigint): Scalar => ({
    kind: "arithmetic",
    op,
    left: cast(node, "HUGEINT"),
    right: number(right),
  });
  const bare = fc.constant(node);
  switch (parseColumnType(column.type).kind) {
    case "integer":
      return fc.oneof(
        { weight: 4, arbitrary: bare },
        fc.constantFrom(
          ...(["%", "//"] as const).flatMap((op) => [
            arithmetic(op, 5n),
            arithmetic(op, 10n),
            arithmetic(op, -3n),
          ]),
          arithmetic("+", 3n),
          arithmetic("-", 4n),
          arithmetic("*", 2n),
          arithmetic("*", -1n),
          call("bucket", number(7n), node),
          call("bucket", literal("INTEGER", 5n), node),
          cast(node, "DOUBLE"),
          cast(node, "HUGEINT"),
          cast(node, "VARCHAR"),
          cast(node, "DECIMAL(38,2)"),
        ),
      );
    case "varchar":
      return fc.oneof(
        { weight: 3, arbitrary: bare },
        fc.constantFrom(
          call("truncate", number(2n), node),
          call("left", node, number(1n)),
          call("length", node),
          call("lower", node),
          call("bucket", number(5n), node),
          call("substr", node, number(2n), number(2n)),
        ),
      );
    case "date":
    case "timestamp":
      return fc.oneof(
        { weight: 3, arbitrary: bare },
        unitOf("year", "month", "day", "week", "dow", "doy", "quarter", "isoyear", "century").map((unit) =>
          call("date_part", text(unit), node),
        ),
        unitOf("year", "month", "week", "day", "quarter").map((unit) => call("date_trunc", text(unit), node)),
        fc.constant(column.type === "TIMESTAMP" ? cast(node, "DATE") : node),
      );
    default:
      return bare;
  }
}

/** A literal that the engine compares with the expression without failing. */
function literalFor(scalar: Scalar, column: Column): fc.Arbitrary<Scalar> {
  const own = parseColumnType(column.type);
  const type = compileScalar(scalar, (node) => (node.kind === "column" ? own : undefined))?.type ?? own;
  const at = (typeText: string) => valueOfColumn({ type: typeText }).map((value) => literal(typeText, value));
  switch (type.kind) {
    case "integer":
      return fc.oneof(
        { weight: 4, arbitrary: fc.oneof(smallInteger, fc.bigInt({ min: 1990n, max: 2030n })).map(number) },
        at("BIGINT"),
        at("INTEGER"),
        fc.integer({ min: -300, max: 300 }).map((value) => literal("DECIMAL(4,1)", BigInt(value))),
        fc.integer({ min: -300, max: 300 }).map((value) => literal("DOUBLE", value / 10)),
      );
    case "date":
      return fc.oneof({ weight: 3, arbitrary: at("DATE") }, at("TIMESTAMP"));
    case "timestamp":
      return fc.oneof(
        { weight: 3, arbitrary: at(type.zoned ? "TIMESTAMP WITH TIME ZONE" : "TIMESTAMP") },
        at("DATE"),
      );
    case "decimal":
      return fc.oneof(at("DECIMAL(6,2)"), smallInteger.map(number), at("DECIMAL(4,1)"));
    case "float":
      return fc.oneof(at("DOUBLE"), smallInteger.map(number));
    case "boolean":
      return at("BOOLEAN");
    default:
      return at("VARCHAR");
  }
}

const operators: readonly ComparisonOperator[] = ["=", "<>", "<", "<=", ">", ">="];
const patterns = ["a%", "ab%", "ab", "%b", "a_c", "_", "%", "", "é%", "😀%", "it's%", "a%d", "\\%_", "x%"];

function condition(column: Column): fc.Arbitrary<Predicate> {
  return scalarOf(column).chain((value) => {
    const other = literalFor(value, column);
    const sameKind = other.chain((first) =>
      fc
        .array(
          first.kind === "literal"
            ? other.filter((next) => next.kind === "literal" && next.type === first.type)
            : other,
          { maxLength: 3 },
        )
        .map((rest) => [first, ...rest]),
    );
    const choices: fc.Arbitrary<Predicate>[] = [
      fc
        .tuple(fc.constantFrom(...operators), other)
        .map(([op, right]) => ({ kind: "compare", op, left: value, right })),
      fc
        .tuple(fc.constantFrom(...operators), other)
        .map(([op, left]) => ({ kind: "compare", op, left, right: value })),
      sameKind.map((list) => ({ kind: "in", value, list })),
      fc
        .tuple(other, other, fc.boolean())
        .map(([low, high, symmetric]) => ({ kind: "between", value, low, high, symmetric })),
      fc.constant({ kind: "is-null", value }),
      other.map((right) => ({ kind: "is-distinct", left: value, right })),
    ];
    if (column.name === "s" && value.kind === "column") {
      choices.push(fc.constantFrom(...patterns).map((pattern) => ({ kind: "like", value, pattern })));
    }
    if (column.name === "b") choices.push(fc.constant({ kind: "boolean", value }));
    return fc.oneof(...choices);
  });
}

/** A filter over some of the columns. */
export function filterOver(columns: readonly Column[]): fc.Arbitrary<Predicate> {
  const leaf: fc.Arbitrary<Predicate> = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...columns).chain(condition) },
    { weight: 1, arbitrary: fc.constant<Predicate>({ kind: "unknown" }) },
  );
  const { tree } = fc.letrec<{ tree: Predicate }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 3, arbitrary: leaf },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("not" as const), term: tie("tree") }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constantFrom("and" as const, "or" as const),
          terms: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
        }),
      },
    ),
  }));
  return tree;
}

/** One or two partition expressions, and a filter that is mostly about their columns. */
export const keysAndFilter = fc
  .uniqueArray(fc.constantFrom(...expressions), { minLength: 1, maxLength: 2 })
  .chain((keys) => {
    const used = schema.filter((column) =>
      keys.some((key) => new RegExp(`(^|[( ])${column.name}($|[),: ])`).test(key)),
    );
    return fc.record({ keys: fc.constant(keys), filter: filterOver([...used, ...used, schema[0]]) });
  });
