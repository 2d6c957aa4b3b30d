import type { Json } from "../../src/ports/database.ts";
import { type CompareOptions, compareColumns, compareKeys, type Difference } from "./compare.ts";
import type { Answer, LooseColumn, OrderKey } from "./query.ts";
import { RowMatcher, rowText } from "./rows.ts";
import { parseType, type ValueType } from "./type.ts";
import { defaultTolerance, equalValues, floatOf } from "./value.ts";

/**
 * Whether an answer is right for a statement whose LIMIT may cut among equals: as many rows as the truth, the same order
 * keys position by position, and every row one of the full result (no row more often than there).
 */
export function checkLimited(
  truth: Answer,
  full: Answer,
  answer: Answer,
  order: readonly OrderKey[],
  options: CompareOptions = {},
): Difference | undefined {
  const early = compareColumns(truth, answer, options);
  if (early !== undefined) return early;
  if (truth.rows.length !== answer.rows.length) {
    return {
      kind: "row count",
      message: `expected ${truth.rows.length} rows of ${full.rows.length}, got ${answer.rows.length}`,
    };
  }
  const keys = compareKeys(truth, answer, order, options);
  if (keys !== undefined) return keys;
  const types = full.columns.map((c) => parseType(c.type));
  const { extra } = new RowMatcher(types, options.tolerance ?? defaultTolerance).match(
    full.rows,
    answer.rows,
  );
  if (extra.length === 0) return undefined;
  return {
    kind: "rows",
    message: `${extra.length} rows are not in the full result of ${full.rows.length}, first ${rowText(types, extra[0]!)}`,
  };
}

/**
 * Whether an answer is right for a statement with loose columns (list, any_value, ties of arg_max and mode, approximate
 * aggregates): its rows pair with those of the witness by the other columns, and each loose value is one that the
 * witness allows.
 */
export function checkWitness(
  truth: Answer,
  witness: Answer,
  answer: Answer,
  rules: readonly LooseColumn[],
  order: readonly OrderKey[],
  options: CompareOptions = {},
): Difference | undefined {
  const early = compareColumns(truth, answer, options);
  if (early !== undefined) return early;
  if (witness.rows.length !== answer.rows.length) {
    return {
      kind: "row count",
      message: `expected ${witness.rows.length} rows, got ${answer.rows.length}`,
    };
  }
  const keys = compareKeys(truth, answer, order, options);
  if (keys !== undefined) return keys;
  const tolerance = options.tolerance ?? defaultTolerance;
  const types = truth.columns.map((c) => parseType(c.type));
  const matcher = new RowMatcher(types, tolerance, new Set(rules.map((r) => r.column)));
  const { missing, extra } = matcher.match(witness.rows, answer.rows, (allowed, row) =>
    rules.every((r) => satisfies(r.rule, types[r.column]!, allowed[r.column]!, row[r.column]!)),
  );
  if (missing.length === 0 && extra.length === 0) return undefined;
  const show = (row: readonly Json[]) => JSON.stringify(row).slice(0, 500);
  return {
    kind: "rows",
    message:
      `${extra.length} rows hold what their group does not allow` +
      `\n  got:     ${extra[0] === undefined ? "-" : show(extra[0])}` +
      `\n  allowed: ${missing[0] === undefined ? "-" : show(missing[0])}`,
  };
}

/** Whether `value` is one that the witness allows; see {@link LooseColumn}. */
export function satisfies(rule: LooseColumn["rule"], type: ValueType, allowed: Json, value: Json): boolean {
  if (allowed !== null && !Array.isArray(allowed)) throw new TypeError("A witness is a list or NULL");
  switch (rule) {
    case "one-of":
      if (allowed === null || allowed.length === 0) return value === null;
      return allowed.some((v) => equalValues(type, v, value, defaultTolerance));
    case "same-items": {
      if (allowed === null || value === null) return allowed === value;
      if (type.kind !== "list" || !Array.isArray(value)) return false;
      const rows = (list: readonly Json[]) => list.map((v) => [v]);
      const { missing, extra } = new RowMatcher([type.item], defaultTolerance).match(
        rows(allowed),
        rows(value),
      );
      return missing.length === 0 && extra.length === 0;
    }
    case "within": {
      if (allowed === null || allowed[0] === null) return value === null;
      if (value === null) return false;
      const [low, high, v] = [floatOf(allowed[0]!), floatOf(allowed[1]!), floatOf(value)];
      return (low <= v && v <= high) || equalValues({ kind: "float" }, allowed[0]!, value, defaultTolerance);
    }
  }
}
