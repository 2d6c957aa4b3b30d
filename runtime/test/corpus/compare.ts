import type { Json } from "../../src/ports/database.ts";
import type { Answer, OrderKey } from "./query.ts";
import { RowMatcher, rowText } from "./rows.ts";
import { parseType, type ValueType } from "./type.ts";
import { defaultTolerance, equalValues, isSortable, orderValues, type Tolerance } from "./value.ts";

/** Why two answers differ. */
export interface Difference {
  readonly kind: "columns" | "row count" | "order" | "rows";
  /** For people: what differs, with counts and the first rows that do. */
  readonly message: string;
}

export interface CompareOptions {
  readonly tolerance?: Tolerance;
  /** Leave the types of the columns out, for an answer that came without types. */
  readonly ignoreTypes?: boolean;
}

/**
 * Compare an answer with the truth: exact for exact types, within a tolerance for floats, as multisets; where `order`
 * names columns, their values must agree row by row, so that only rows with equal keys may change places.
 * Returns nothing when they are the same. Spec chapter 11.
 */
export function compareAnswers(
  truth: Answer,
  answer: Answer,
  order: readonly OrderKey[] = [],
  options: CompareOptions = {},
): Difference | undefined {
  return (
    compareColumns(truth, answer, options) ??
    compareCounts(truth, answer) ??
    compareKeys(truth, answer, order, options) ??
    compareRows(truth, answer, options)
  );
}

/** Order keys of every column: compared by them, an answer must have each row in its place. */
export function everyColumn({ columns }: Pick<Answer, "columns">): readonly OrderKey[] {
  return columns.map((_, column) => ({ column, descending: false, nullsFirst: false }));
}

/** Names, and types unless they are left out. */
export function compareColumns(
  truth: Answer,
  answer: Answer,
  options: CompareOptions = {},
): Difference | undefined {
  const text = (a: Answer) =>
    a.columns.map((c) => (options.ignoreTypes ? c.name : `${c.name} ${c.type}`)).join(", ");
  const [expected, got] = [text(truth), text(answer)];
  if (expected === got) return undefined;
  return { kind: "columns", message: `columns differ\n  expected: ${expected}\n  got:      ${got}` };
}

export function compareCounts(truth: Answer, answer: Answer): Difference | undefined {
  if (truth.rows.length === answer.rows.length) return undefined;
  const more = compareRows(truth, answer);
  const detail = more === undefined ? "" : `\n${more.message}`;
  return {
    kind: "row count",
    message: `expected ${truth.rows.length} rows, got ${answer.rows.length}${detail}`,
  };
}

/** The values of the order keys, position by position. */
export function compareKeys(
  truth: Answer,
  answer: Answer,
  order: readonly OrderKey[],
  options: CompareOptions = {},
): Difference | undefined {
  const types = truth.columns.map((c) => parseType(c.type));
  const tolerance = options.tolerance ?? defaultTolerance;
  for (let i = 0; i < Math.min(truth.rows.length, answer.rows.length); i++) {
    const [expected, got] = [truth.rows[i]!, answer.rows[i]!];
    const wrong = order.find(
      (k) => !equalValues(types[k.column]!, expected[k.column]!, got[k.column]!, tolerance),
    );
    if (wrong === undefined) continue;
    const name = truth.columns[wrong.column]!.name;
    return {
      kind: "order",
      message:
        `row ${i} has another value of the order key ${name}` +
        `\n  expected: ${rowText(types, expected)}\n  got:      ${rowText(types, got)}`,
    };
  }
  return undefined;
}

/** Whether the rows of an answer stand in the order that its keys promise; says nothing about the values. */
export function isOrdered(
  answer: Answer,
  order: readonly OrderKey[],
  tolerance: Tolerance = defaultTolerance,
): boolean {
  const types = answer.columns.map((c) => parseType(c.type));
  return answer.rows.every(
    (row, i) => i === 0 || orderRows(types, order, answer.rows[i - 1]!, row, tolerance) <= 0,
  );
}

function compareRows(truth: Answer, answer: Answer, options: CompareOptions = {}): Difference | undefined {
  const types = truth.columns.map((c) => parseType(c.type));
  const matcher = new RowMatcher(types, options.tolerance ?? defaultTolerance);
  const { missing, extra } = matcher.match(truth.rows, answer.rows);
  if (missing.length === 0 && extra.length === 0) return undefined;
  const lines = (rows: readonly (readonly Json[])[]) =>
    rows.slice(0, 3).map((row) => `\n    ${rowText(types, row)}`);
  return {
    kind: "rows",
    message:
      `${missing.length} of ${truth.rows.length} expected rows are missing${lines(missing).join("")}` +
      `\n  ${extra.length} of ${answer.rows.length} rows are not expected${lines(extra).join("")}`,
  };
}

/** Negative when `a` sorts before `b`. Keys of types without an order here end the comparison as a tie. */
function orderRows(
  types: readonly ValueType[],
  order: readonly OrderKey[],
  a: readonly Json[],
  b: readonly Json[],
  tolerance: Tolerance,
): number {
  for (const key of order) {
    const [x, y] = [a[key.column]!, b[key.column]!];
    if (x === null && y === null) continue;
    if (x === null || y === null) return (x === null) === key.nullsFirst ? -1 : 1;
    if (!isSortable(types[key.column]!)) return 0;
    const result = orderValues(types[key.column]!, x, y, tolerance);
    if (result !== 0) return key.descending ? -result : result;
  }
  return 0;
}
