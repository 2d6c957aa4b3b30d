import type { Scalar } from "../../predicate/scalar.ts";
import { type ColumnType, parseColumnType } from "../column-type.ts";
import { compileCall } from "../expression/functions.ts";
import { parseValue } from "../value.ts";
import { compileArithmetic } from "./arithmetic.ts";
import { castBetween } from "./cast.ts";
import { type Compiled, constantOf, mapped } from "./compiled.ts";

/**
 * Compile an expression over the node that `isVariable` accepts (given that node's type). `undefined` when the
 * expression reads anything else, or uses what cannot be computed here exactly as the engine does.
 */
export function compileScalar(
  scalar: Scalar,
  isVariable: (node: Scalar) => ColumnType | undefined,
): Compiled | undefined {
  const variable = isVariable(scalar);
  if (variable !== undefined) {
    return {
      type: variable,
      apply: (value) => value,
      constant: false,
      strict: true,
      increasing: true,
      identity: true,
      nullAtInfinity: false,
    };
  }
  switch (scalar.kind) {
    case "column":
      return undefined;
    case "literal":
      return compileLiteral(scalar.type, scalar.value);
    case "cast": {
      const operand = compileScalar(scalar.operand, isVariable);
      return operand === undefined ? undefined : compileCast(operand, parseColumnType(scalar.type));
    }
    case "arithmetic": {
      const left = compileScalar(scalar.left, isVariable);
      const right = left === undefined ? undefined : compileScalar(scalar.right, isVariable);
      return left === undefined || right === undefined
        ? undefined
        : compileArithmetic(scalar.op, left, right);
    }
    case "call": {
      const args: Compiled[] = [];
      for (const arg of scalar.args) {
        const compiled = compileScalar(arg, isVariable);
        if (compiled === undefined) return undefined;
        args.push(compiled);
      }
      return compileCall(scalar.name, args);
    }
  }
}

/** A constant; `undefined` when the text is not one of the type's values. */
export function compileLiteral(typeText: string, text: string | null): Compiled | undefined {
  const type = parseColumnType(typeText);
  const value = text === null ? null : parseValue(type, text);
  return value === undefined ? undefined : constantOf(type, value);
}

/** `CAST(operand AS type)`. */
export function compileCast(operand: Compiled, type: ColumnType): Compiled | undefined {
  const conversion = castBetween(operand.type, type);
  if (conversion === undefined) {
    const value = operand.constant ? operand.apply(null) : undefined;
    return value === null ? constantOf(type, null) : undefined;
  }
  return {
    ...mapped(operand, type, conversion.apply, conversion.increasing),
    identity: operand.identity && conversion.identity === true,
  };
}
