import type { ColumnType } from "../column-type.ts";
import type { Value } from "../value.ts";

/** A scalar expression as a function of at most one value. */
export interface Compiled {
  readonly type: ColumnType;
  /**
   * `undefined`: the result is not known here, which is not NULL. Where the engine would fail (overflow, a text
   * that is no number) the result is unknown too, or a value outside the type.
   */
  readonly apply: (value: Value) => Value | undefined;
  /** Does not look at the value. */
  readonly constant: boolean;
  /** NULL gives NULL. */
  readonly strict: boolean;
  /** Never decreases as the value grows (over values that are not NULL and not infinite). */
  readonly increasing: boolean;
  /** Gives the value itself. */
  readonly identity: boolean;
  /** May be NULL for an infinite date or timestamp. */
  readonly nullAtInfinity: boolean;
}

/** The same value whatever the column holds. */
export function constantOf(type: ColumnType, value: Value): Compiled {
  return {
    type,
    apply: () => value,
    constant: true,
    strict: false,
    increasing: true,
    identity: false,
    nullAtInfinity: false,
  };
}

/** `apply` after `operand`; NULL stays NULL. */
export function mapped(
  operand: Compiled,
  type: ColumnType,
  apply: (value: Exclude<Value, null>) => Value | undefined,
  increasing: boolean,
): Compiled {
  return {
    type,
    apply: (value) => {
      const inner = operand.apply(value);
      return inner === null || inner === undefined ? inner : apply(inner);
    },
    constant: operand.constant,
    strict: operand.strict,
    increasing: increasing && operand.increasing,
    identity: false,
    nullAtInfinity: operand.nullAtInfinity,
  };
}
