import type { Json } from "../../src/ports/database.ts";
import type { Answer } from "./test-cluster.ts";

/** How two answers differ, in a few words; undefined when they are the same. */
export function difference(expected: Answer, actual: Answer, ordered: boolean): string | undefined {
  const header = (answer: Answer) => answer.columns.map(({ name, type }) => `${name} ${type}`).join(", ");
  if (header(expected) !== header(actual)) return `columns ${header(actual)} instead of ${header(expected)}`;
  if (expected.rows.length !== actual.rows.length) {
    return `${actual.rows.length} rows instead of ${expected.rows.length}`;
  }
  const want = ordered ? expected.rows : sorted(expected);
  const have = ordered ? actual.rows : sorted(actual);
  for (const [i, row] of want.entries()) {
    const other = have[i] ?? [];
    const column = row.findIndex((value, j) => !equal(value, other[j], expected.columns[j]?.type ?? ""));
    if (column >= 0) {
      return `row ${i}: ${JSON.stringify(other)} instead of ${JSON.stringify(row)} (column ${column})`;
    }
  }
  return undefined;
}

/** True when the statement says in which order its rows come. */
export function isOrdered(sql: string): boolean {
  let depth = 0;
  let last = -1;
  for (const found of sql.matchAll(/'(?:[^']|'')*'|[()]|\border\s+by\b/gi)) {
    if (found[0] === "(") depth += 1;
    else if (found[0] === ")") depth -= 1;
    else if (/^order/i.test(found[0]) && depth === 0) last = found.index;
  }
  return last >= 0;
}

function equal(a: Json | undefined, b: Json | undefined, type: string): boolean {
  if (a === b) return true;
  if (a === null || b === null || a === undefined || b === undefined) return false;
  if (/FLOAT|DOUBLE/.test(type)) return closeValues(a, b);
  return JSON.stringify(a) === JSON.stringify(b);
}

function closeValues(a: Json, b: Json): boolean {
  if (typeof a === "number" && typeof b === "number") return close(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => closeValues(value, b[i] as Json));
  }
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    const keys = Object.keys(a);
    return keys.every((key) =>
      closeValues((a as Record<string, Json>)[key] as Json, (b as Record<string, Json>)[key] as Json),
    );
  }
  return a === b;
}

function close(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b), 1e-12);
}

/** Rows in an order that small errors of floats do not change. */
function sorted(answer: Answer): readonly (readonly Json[])[] {
  const key = (row: readonly Json[]) =>
    JSON.stringify(row, (_key, value: unknown) =>
      typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(6) : value,
    );
  return [...answer.rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
