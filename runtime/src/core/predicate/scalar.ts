/**
 * Scalar expressions, as the partitioning and the query planner exchange them. Types are DuckDB's type texts.
 *
 * Contract for whoever builds one from a bound plan: implicit casts are written out as `cast` nodes; functions keep
 * the name that SQL used, in lower case (`bucket`, `date_part`, `year`); constants are folded, `now()` included; a
 * `column` names a column of the table that is pruned, and columns of other tables must not appear (make the
 * predicate around them `unknown`).
 */
export type Scalar =
  | {
      readonly kind: "column";
      readonly name: string;
      readonly type: string;
      /** Set for a column whose comparisons are not by bytes, e.g. `NOCASE`: nothing is pruned by it then. */
      readonly collation?: string;
    }
  /** `value` is the canonical text of the value (as `formatValue` prints it), or null. */
  | { readonly kind: "literal"; readonly type: string; readonly value: string | null }
  | { readonly kind: "cast"; readonly operand: Scalar; readonly type: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Scalar[] }
  | {
      readonly kind: "arithmetic";
      readonly op: ArithmeticOperator;
      readonly left: Scalar;
      readonly right: Scalar;
    };

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "//" | "%" | "||";

/** Every column node in an expression, in order. */
export function columnsOf(scalar: Scalar): Extract<Scalar, { kind: "column" }>[] {
  switch (scalar.kind) {
    case "column":
      return [scalar];
    case "literal":
      return [];
    case "cast":
      return columnsOf(scalar.operand);
    case "call":
      return scalar.args.flatMap(columnsOf);
    case "arithmetic":
      return [...columnsOf(scalar.left), ...columnsOf(scalar.right)];
  }
}
