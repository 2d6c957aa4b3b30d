import type { ArithmeticOperator } from "../../predicate/scalar.ts";
import { type ColumnType, domainOf, varcharType } from "../column-type.ts";
import type { Value } from "../value.ts";
import { type Compiled, mapped } from "./compiled.ts";

/** Integer arithmetic and string concatenation; dates plus days. Everything else is left to the engine. */
export function compileArithmetic(
  op: ArithmeticOperator,
  left: Compiled,
  right: Compiled,
): Compiled | undefined {
  if (op === "||") {
    if (left.type.kind !== "varchar" || right.type.kind !== "varchar") return undefined;
    return binary(left, right, varcharType, (a, b) => `${a as string}${b as string}`, false);
  }
  if (
    left.type.kind === "date" &&
    right.type.kind === "integer" &&
    right.constant &&
    (op === "+" || op === "-")
  ) {
    const days = right.apply(null) as bigint | null;
    if (days === null) return undefined;
    const shift = op === "+" ? days : -days;
    const limit = domainOf(left.type)!.max;
    const shifted = (date: bigint) => {
      if (date === limit || date === -limit) return date;
      // A day that no finite date has, where the engine fails, comes out next to the infinities.
      const sum = date + shift;
      return sum >= limit ? limit - 1n : sum <= -limit ? 1n - limit : sum;
    };
    return mapped(left, left.type, (date) => shifted(date as bigint), true);
  }
  if (left.type.kind !== "integer" || right.type.kind !== "integer") return undefined;
  const type = commonInteger(left, right);
  if (type === undefined) return undefined;
  switch (op) {
    case "+":
      return binary(
        left,
        right,
        type,
        (a, b) => (a as bigint) + (b as bigint),
        left.increasing && right.increasing,
      );
    case "-":
      return binary(
        left,
        right,
        type,
        (a, b) => (a as bigint) - (b as bigint),
        left.increasing && right.constant,
      );
    case "*": {
      const factor = right.constant ? right.apply(null) : left.constant ? left.apply(null) : undefined;
      const grows = typeof factor === "bigint" && factor >= 0n;
      return binary(
        left,
        right,
        type,
        (a, b) => (a as bigint) * (b as bigint),
        grows && left.increasing && right.increasing,
      );
    }
    case "//":
    case "%": {
      const divisor = right.constant ? right.apply(null) : undefined;
      // A divisor that may be 0 makes NULL of a value; only a constant one is dealt with.
      if (typeof divisor !== "bigint" || divisor === 0n) return undefined;
      return op === "//"
        ? mapped(left, type, (a) => (a as bigint) / divisor, divisor > 0n)
        : mapped(left, type, (a) => (a as bigint) % divisor, false);
    }
    case "/":
      return undefined;
  }
}

function binary(
  left: Compiled,
  right: Compiled,
  type: ColumnType,
  apply: (a: Exclude<Value, null>, b: Exclude<Value, null>) => Value | undefined,
  increasing: boolean,
): Compiled {
  const constantNull = (side: Compiled) => side.constant && side.apply(null) === null;
  return {
    type,
    apply: (value) => {
      const a = left.apply(value);
      const b = right.apply(value);
      if (a === null || b === null) return null;
      return a === undefined || b === undefined ? undefined : apply(a, b);
    },
    constant: left.constant && right.constant,
    strict: left.strict || right.strict || constantNull(left) || constantNull(right),
    increasing,
    identity: false,
    nullAtInfinity: left.nullAtInfinity || right.nullAtInfinity,
  };
}

/**
 * The type that DuckDB computes in: the column's if the literal fits it, else the next that holds both; none (it
 * takes DOUBLE) for UHUGEINT with something signed.
 */
function commonInteger(left: Compiled, right: Compiled): ColumnType | undefined {
  const a = left.type as Extract<ColumnType, { kind: "integer" }>;
  const b = right.type as Extract<ColumnType, { kind: "integer" }>;
  const fits = (side: Compiled, type: ColumnType) => {
    const value = side.constant ? side.apply(null) : undefined;
    const domain = domainOf(type)!;
    return typeof value === "bigint" && value >= domain.min && value <= domain.max;
  };
  if (fits(right, a)) return a;
  if (fits(left, b)) return b;
  if (a.signed === b.signed) return a.bits >= b.bits ? a : b;
  const unsigned = a.signed ? b : a;
  if (unsigned.bits === 128) return undefined;
  const wider = { 8: 16, 16: 32, 32: 64, 64: 128, 128: 128 } as const;
  const bits = Math.max(a.signed ? a.bits : b.bits, wider[unsigned.bits]) as 8 | 16 | 32 | 64 | 128;
  return { kind: "integer", bits, signed: true };
}
