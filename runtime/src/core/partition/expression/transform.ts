import type { Scalar } from "../../predicate/scalar.ts";
import type { ColumnType } from "../column-type.ts";
import { compileScalar } from "../compute/compile.ts";
import type { Compiled } from "../compute/compiled.ts";
import { cyclicStep, datePartUnit, partFunctions } from "../compute/date-parts.ts";

/** What pruning needs to know of an expression's shape. */
export type Transform =
  | { readonly kind: "plain" }
  | { readonly kind: "bucket"; readonly count: number }
  /** First `width` characters of a string. */
  | { readonly kind: "prefix"; readonly width: number }
  | { readonly kind: "modulo"; readonly divisor: bigint }
  /** Never decreases: `truncate` of numbers, `date_trunc`, `date_part('year', …)`, casts. */
  | { readonly kind: "increasing" }
  /** `date_part` of a unit that repeats; constant within `date_trunc(step, …)`. */
  | { readonly kind: "cyclic"; readonly unit: string; readonly step: string }
  /** Anything else: known value by value only. */
  | { readonly kind: "other" };

/** The shape of a bound expression over a column of this type. */
export function transformOf(scalar: Scalar, compiled: Compiled, columnType: ColumnType): Transform {
  if (compiled.identity) return { kind: "plain" };
  if (scalar.kind === "call") {
    const call = callTransform(scalar.name.toLowerCase(), scalar.args, columnType);
    if (call !== undefined) return call;
  }
  if (scalar.kind === "arithmetic" && scalar.op === "%") {
    const divisor = constant(scalar.right);
    if (typeof divisor === "bigint" && divisor !== 0n && isColumn(scalar.left, columnType)) {
      return { kind: "modulo", divisor: divisor < 0n ? -divisor : divisor };
    }
  }
  return { kind: compiled.increasing ? "increasing" : "other" };
}

function callTransform(name: string, args: readonly Scalar[], columnType: ColumnType): Transform | undefined {
  const [first, second] = args;
  if (partFunctions.has(name) && first !== undefined && isColumn(first, columnType)) {
    return cyclic(datePartUnit(name));
  }
  if (first === undefined || second === undefined) return undefined;
  if (name === "bucket") {
    const count = constant(first);
    return typeof count === "bigint" ? { kind: "bucket", count: Number(count) } : undefined;
  }
  const text = columnType.kind === "varchar";
  if (name === "truncate" && text && isColumn(second, columnType)) return prefix(constant(first));
  if (name === "left" && text && isColumn(first, columnType)) return prefix(constant(second));
  if ((name === "date_part" || name === "datepart" || name === "extract") && isColumn(second, columnType)) {
    const unit = constant(first);
    return typeof unit === "string" ? cyclic(datePartUnit(unit)) : undefined;
  }
  return undefined;
}

function prefix(width: unknown): Transform | undefined {
  if (typeof width !== "bigint" || width < 1n || width > 1_000_000_000n) return undefined;
  return { kind: "prefix", width: Number(width) };
}

function cyclic(unit: string | undefined): Transform | undefined {
  const step = unit === undefined ? undefined : cyclicStep[unit];
  return unit === undefined || step === undefined ? undefined : { kind: "cyclic", unit, step };
}

function constant(scalar: Scalar): unknown {
  const compiled = compileScalar(scalar, () => undefined);
  return compiled?.constant === true ? compiled.apply(null) : undefined;
}

/** The column itself, perhaps cast to what is the same value. */
function isColumn(scalar: Scalar, columnType: ColumnType): boolean {
  const compiled = compileScalar(scalar, (node) => (node.kind === "column" ? columnType : undefined));
  return compiled?.identity === true;
}
