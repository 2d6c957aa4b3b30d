/** A `partition_by` expression that cannot be used. The message names the expression and the rule (chapter 03). */
export class PartitionExpressionError extends Error {
  override readonly name = "PartitionExpressionError";
  readonly expression: string;
  readonly rule: PartitionRule;
  constructor(expression: string, rule: PartitionRule, message: string) {
    super(message);
    this.expression = expression;
    this.rule = rule;
  }
}

/** Which rule an expression breaks. */
export type PartitionRule =
  | "syntax"
  | "columns"
  | "unknown-column"
  | "type"
  | "alias"
  | "aggregate"
  | "window"
  | "subquery"
  | "exists"
  | "unnest"
  | "placeholder"
  | "grouping-sets"
  | "volatile"
  | "unsupported"
  | "argument";

/** `Expression … does not meet the criteria: …`. */
export function criterion(expression: string, rule: PartitionRule, text: string): PartitionExpressionError {
  return new PartitionExpressionError(
    expression,
    rule,
    `Expression ${expression} does not meet the criteria: ${text}`,
  );
}
