import { binary, call, cast, column, integerConstant, nullConstant, stringConstant } from "../tree/make.ts";
import type { ColumnRef, Expression, FunctionExpression } from "../tree/tree.ts";

/**
 * How one aggregate call is computed in parts: states per part, and an expression over their rows. `combine` gets
 * the columns of the states and their types, once the engine has told them; it returns undefined when the types say
 * that the parts do not give the exact answer.
 */
export interface AggregateSplit {
  readonly states: readonly PartialState[];
  combine(states: readonly ColumnRef[], types: readonly string[]): Expression | undefined;
}

export interface PartialState {
  /** The aggregate that gives the state of a group. */
  readonly grouped: Expression;
  /** The state of a group of one row, as an expression over that row. */
  readonly row: Expression;
}

const canonicalNames: Readonly<Record<string, string>> = {
  mean: "avg",
  argmax: "arg_max",
  max_by: "arg_max",
  argmin: "arg_min",
  min_by: "arg_min",
  arbitrary: "first",
  countif: "count_if",
  var_samp: "variance",
  stddev_samp: "stddev",
  kahan_sum: "fsum",
  sumkahan: "fsum",
};

/** Aggregates whose states are values of the same kind, merged by the same aggregate. */
const selfMerging = new Set(
  "min max bool_and bool_or bit_and bit_or bit_xor any_value product fsum sum".split(" "),
);
/** Aggregates that a second equal value does not change. */
const idempotent = new Set("min max bool_and bool_or bit_and bit_or any_value".split(" "));

/** True when DISTINCT inside the call makes no difference. */
export function ignoresDistinct(f: FunctionExpression): boolean {
  return idempotent.has(nameOf(f));
}

export function nameOf(f: FunctionExpression): string {
  const name = f.function_name.toLowerCase();
  return canonicalNames[name] ?? name;
}

/**
 * The split of an aggregate call without DISTINCT; undefined for those that need all their rows in one place.
 * FILTER is part of the states, so that the combining side knows nothing of it.
 */
export function splitAggregate(f: FunctionExpression): AggregateSplit | undefined {
  const name = nameOf(f);
  const [x, y] = f.children;
  const orders = f.order_bys?.orders.length ?? 0;
  if (name === "count_star" || name === "count") return count(f, x);
  if (x === undefined) return undefined;
  const one = f.children.length === 1;
  if (one && name === "count_if") return countIf(f, x);
  if (one && selfMerging.has(name)) {
    if (orders > 0 && name === "any_value") return undefined;
    return selfMerge(f, name, x);
  }
  if (one && name === "first" && orders === 0) return first(f, x);
  if (one && (name === "avg" || name === "favg")) return average(f, x, name);
  if (one && name in moments) return momentSplit(f, x, moments[name] as MomentResult);
  if (f.children.length === 2 && y !== undefined && orders === 0) {
    if (name === "arg_max" || name === "arg_min") return argExtreme(f, name, x, y, false);
    if (name === "arg_max_null" || name === "arg_min_null") return argExtreme(f, name, x, y, true);
  }
  return undefined;
}

function aggregate(f: FunctionExpression, name: string, args: readonly Expression[]): FunctionExpression {
  return call(name, args.map(bare), { filter: f.filter });
}

/** The value of a row inside FILTER, NULL outside of it. */
function filtered(f: FunctionExpression, value: Expression): Expression {
  if (f.filter === null) return value;
  return when(f.filter, value, nullConstant());
}

function bare(expression: Expression): Expression {
  return expression.alias === "" ? expression : { ...expression, alias: "" };
}

export function when(condition: Expression, then: Expression, otherwise: Expression): Expression {
  return {
    class: "CASE",
    alias: "",
    case_checks: [{ when_expr: condition, then_expr: then }],
    else_expr: otherwise,
  };
}

function isNotNull(x: Expression): Expression {
  return { class: "OPERATOR", type: "OPERATOR_IS_NOT_NULL", alias: "", children: [bare(x)] };
}

export function and(...children: readonly Expression[]): Expression {
  const [only] = children;
  if (children.length === 1 && only !== undefined) return only;
  return { class: "CONJUNCTION", type: "CONJUNCTION_AND", alias: "", children };
}

function oneIf(f: FunctionExpression, conditions: readonly Expression[]): Expression {
  const all = [...(f.filter === null ? [] : [f.filter]), ...conditions];
  const one = cast(integerConstant(1), "BIGINT");
  return all.length === 0 ? one : when(and(...all), one, cast(integerConstant(0), "BIGINT"));
}

function total(state: ColumnRef): Expression {
  const sum = call("sum", [state]);
  return cast(
    { class: "OPERATOR", type: "OPERATOR_COALESCE", alias: "", children: [sum, integerConstant(0)] },
    "BIGINT",
  );
}

function count(f: FunctionExpression, x: Expression | undefined): AggregateSplit | undefined {
  if (f.children.length > 1) return undefined;
  const grouped = x === undefined ? call("count_star", [], { filter: f.filter }) : aggregate(f, "count", [x]);
  const row = oneIf(f, x === undefined ? [] : [isNotNull(x)]);
  return { states: [{ grouped, row }], combine: ([n]) => (n === undefined ? undefined : total(n)) };
}

/** The engine sums true as one and false as zero, so over no value at all its answer is NULL. */
function countIf(f: FunctionExpression, x: Expression): AggregateSplit {
  const row = filtered(f, cast(cast(bare(x), "BOOLEAN"), "BIGINT"));
  return {
    states: [{ grouped: aggregate(f, "count_if", [x]), row }],
    combine: ([n], [type]) =>
      n === undefined || type === undefined ? undefined : cast(call("sum", [n]), type),
  };
}

function selfMerge(f: FunctionExpression, name: string, x: Expression): AggregateSplit {
  const grouped = aggregate(f, name, [x]);
  // The state of a row has the state's type, which only the engine knows: sum of an INTEGER is a HUGEINT.
  const row =
    name === "sum" || name === "product" || name === "fsum" ? rowSum(name, f, x) : filtered(f, bare(x));
  return {
    states: [{ grouped, row }],
    combine: ([s]) => (s === undefined ? undefined : call(name, [s])),
  };
}

/** A sum's state of one row; its type is set by a cast that the caller adds. */
function rowSum(name: string, f: FunctionExpression, x: Expression): Expression {
  return name === "sum" ? filtered(f, bare(x)) : cast(filtered(f, bare(x)), "DOUBLE");
}

function first(f: FunctionExpression, x: Expression): AggregateSplit {
  const states = [
    { grouped: aggregate(f, "first", [x]), row: filtered(f, bare(x)) },
    { grouped: call("count_star", [], { filter: f.filter }), row: oneIf(f, []) },
  ];
  return {
    states,
    combine: ([value, n]) =>
      value === undefined || n === undefined
        ? undefined
        : call("first", [value], { filter: greater(n, integerConstant(0)) }),
  };
}

export function greater(left: Expression, right: Expression): Expression {
  return { class: "COMPARISON", type: "COMPARE_GREATERTHAN", alias: "", left, right };
}

function average(f: FunctionExpression, x: Expression, name: string): AggregateSplit {
  const sum = name === "avg" ? "sum" : "fsum";
  const states = [
    { grouped: aggregate(f, sum, [x]), row: rowSum(sum, f, x) },
    { grouped: aggregate(f, "count", [x]), row: oneIf(f, [isNotNull(x)]) },
  ];
  return {
    states,
    combine: ([s, n], [type]) => {
      if (s === undefined || n === undefined || type === undefined) return undefined;
      const sums = call(sum, [s]);
      const counts = call("sum", [n]);
      const scale = /^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type)?.[1];
      if (scale !== undefined) return decimalAverage(sums, counts, Number(scale));
      if (type !== "HUGEINT" && type !== "DOUBLE") return undefined;
      return binary("/", cast(sums, "DOUBLE"), cast(counts, "DOUBLE"));
    },
  };
}

/**
 * Bit for bit what the engine's average of decimals gives: the sum as an integer, divided by the count times 10^scale.
 * The integer comes from the digits, for a product with 10^scale may leave the range of decimals.
 */
function decimalAverage(sums: Expression, counts: Expression, scale: number): Expression {
  const digits = call("replace", [cast(sums, "VARCHAR"), stringConstant("."), stringConstant("")]);
  const factor: Expression = {
    class: "CONSTANT",
    alias: "",
    value: { type: { id: "HUGEINT", type_info: null }, is_null: false, value: 10n ** BigInt(scale) },
  };
  return binary("/", cast(cast(digits, "HUGEINT"), "DOUBLE"), cast(binary("*", counts, factor), "DOUBLE"));
}

function argExtreme(
  f: FunctionExpression,
  name: string,
  x: Expression,
  y: Expression,
  nulls: boolean,
): AggregateSplit {
  // Rows whose value is NULL do not count, so neither may their keys.
  const filters = [...(f.filter === null ? [] : [f.filter]), ...(nulls ? [] : [isNotNull(x)])];
  const filter = filters.length === 0 ? null : and(...filters);
  const extreme = name.startsWith("arg_max") ? "max" : "min";
  const key = filter === null ? bare(y) : when(filter, bare(y), nullConstant());
  const states = [
    { grouped: aggregate(f, name, [x, y]), row: filtered(f, bare(x)) },
    { grouped: call(extreme, [bare(y)], { filter }), row: key },
  ];
  return {
    states,
    combine: ([value, by]) => (value === undefined || by === undefined ? undefined : call(name, [value, by])),
  };
}

/** The result of a variance-like aggregate from the merged count `n` and sum of squared deviations `q`. */
type MomentResult = (n: Expression, q: Expression) => Expression;

const moments: Readonly<Record<string, MomentResult>> = {
  var_pop: (n, q) => ratio(n, q),
  variance: (n, q) => sample(n, q),
  stddev_pop: (n, q) => call("sqrt", [ratio(n, q)]),
  stddev: (n, q) => call("sqrt", [sample(n, q)]),
  sem: (n, q) => binary("/", call("sqrt", [ratio(n, q)]), call("sqrt", [n])),
};

function ratio(n: Expression, q: Expression): Expression {
  return when(greater(n, integerConstant(1)), binary("/", q, n), cast(integerConstant(0), "DOUBLE"));
}

function sample(n: Expression, q: Expression): Expression {
  const result = binary("/", q, binary("-", n, integerConstant(1)));
  return when(greater(n, integerConstant(1)), result, nullConstant());
}

/**
 * Count, mean and variance of each part, merged pair by pair (Chan, Golub and LeVeque 1979): summing squares instead
 * loses every digit when the mean is large against the deviation.
 */
function momentSplit(f: FunctionExpression, x: Expression, result: MomentResult): AggregateSplit {
  const number = cast(bare(x), "DOUBLE");
  const zero = cast(integerConstant(0), "DOUBLE");
  const states = [
    { grouped: aggregate(f, "count", [x]), row: oneIf(f, [isNotNull(x)]) },
    { grouped: aggregate(f, "avg", [number]), row: filtered(f, number) },
    {
      grouped: aggregate(f, "var_pop", [number]),
      row: when(isNotNull(filtered(f, number)), zero, nullConstant()),
    },
  ];
  return {
    states,
    combine: ([n, m, v]) => {
      if (n === undefined || m === undefined || v === undefined) return undefined;
      const size = cast(n, "DOUBLE");
      const parts = call("list", [pack(size, m, binary("*", v, size))], {
        filter: greater(n, integerConstant(0)),
      });
      const merged = call("list_reduce", [parts, mergeLambda()]);
      const get = (field: string) => call("struct_extract", [merged, stringConstant(field)]);
      const counted = get("n");
      return when(isNotNull(merged), result(counted, get("q")), nullConstant());
    },
  };
}

function pack(n: Expression, m: Expression, q: Expression): Expression {
  return call("struct_pack", [
    { ...n, alias: "n" },
    { ...m, alias: "m" },
    { ...q, alias: "q" },
  ]);
}

function mergeLambda(): Expression {
  const a = (field: string) => column("a", field);
  const b = (field: string) => column("b", field);
  const n = binary("+", a("n"), b("n"));
  const d = binary("-", b("m"), a("m"));
  const m = binary("+", a("m"), binary("/", binary("*", d, b("n")), n));
  const cross = binary("/", binary("*", binary("*", d, d), binary("*", a("n"), b("n"))), n);
  const q = binary("+", binary("+", a("q"), b("q")), cross);
  return { class: "LAMBDA", alias: "", lhs: call("row", [column("a"), column("b")]), expr: pack(n, m, q) };
}
