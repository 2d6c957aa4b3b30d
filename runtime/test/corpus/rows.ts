import type { Json } from "../../src/ports/database.ts";
import { isInexact, type ValueType } from "./type.ts";
import { canonical, equalValues, type Tolerance } from "./value.ts";

type Row = readonly Json[];

export interface RowMatch {
  /** Expected rows for which no row was left. */
  readonly missing: readonly Row[];
  /** Rows for which no expected row was left. */
  readonly extra: readonly Row[];
}

/**
 * Pairs rows of two multisets. Rows are told apart by their exact columns; within equal exact columns, those with floats
 * are paired by the tolerance, which is no equivalence: an augmenting path makes the pairing as large as it can be.
 */
export class RowMatcher {
  readonly #types: readonly ValueType[];
  readonly #exact: readonly number[];
  readonly #floats: readonly number[];
  readonly #tolerance: Tolerance;

  /** Columns in `ignored` are not looked at. */
  constructor(types: readonly ValueType[], tolerance: Tolerance, ignored: ReadonlySet<number> = new Set()) {
    const columns = types.map((_, i) => i).filter((i) => !ignored.has(i));
    this.#types = types;
    this.#exact = columns.filter((i) => !isInexact(types[i]!));
    this.#floats = columns.filter((i) => isInexact(types[i]!));
    this.#tolerance = tolerance;
  }

  match(expected: readonly Row[], got: readonly Row[], also?: (a: Row, b: Row) => boolean): RowMatch {
    const groups = new Map<string, { expected: Row[]; got: Row[] }>();
    const group = (row: Row) => {
      const key = this.#key(row);
      const found = groups.get(key);
      if (found !== undefined) return found;
      const made = { expected: [], got: [] };
      groups.set(key, made);
      return made;
    };
    for (const row of expected) group(row).expected.push(row);
    for (const row of got) group(row).got.push(row);
    const missing: Row[] = [];
    const extra: Row[] = [];
    for (const g of groups.values()) {
      const rest = this.#floats.length === 0 && also === undefined ? exactRest(g) : this.#pair(g, also);
      missing.push(...rest.missing);
      extra.push(...rest.extra);
    }
    return { missing, extra };
  }

  #key(row: Row): string {
    return JSON.stringify(
      this.#exact.map((i) => (row[i] === null ? null : canonical(this.#types[i]!, row[i]!))),
    );
  }

  #pair(g: { expected: Row[]; got: Row[] }, also?: (a: Row, b: Row) => boolean): RowMatch {
    const fits = (a: Row, b: Row) =>
      this.#floats.every((i) => equalValues(this.#types[i]!, a[i]!, b[i]!, this.#tolerance)) &&
      (also === undefined || also(a, b));
    // Sorted alike, most rows meet their partner at their own position.
    const sort = (rows: Row[]) =>
      rows
        .map((r) => [this.#sortKey(r), r] as const)
        .sort(byKey)
        .map((p) => p[1]);
    const [expected, got] = [sort(g.expected), sort(g.got)];
    const taken = new Map<number, number>();
    const partner = (e: number, seen: Set<number>): boolean => {
      for (const o of around(e, got.length)) {
        if (seen.has(o) || !fits(expected[e]!, got[o]!)) continue;
        seen.add(o);
        const holder = taken.get(o);
        if (holder === undefined || partner(holder, seen)) {
          taken.set(o, e);
          return true;
        }
      }
      return false;
    };
    const missing = expected.filter((_, e) => !partner(e, new Set()));
    return { missing, extra: got.filter((_, o) => !taken.has(o)) };
  }

  #sortKey(row: Row): readonly (number | string)[] {
    return this.#floats.map((i) => {
      const value = row[i]!;
      return typeof value === "number" ? value : canonical(this.#types[i]!, value);
    });
  }
}

/** A row for people. */
export function rowText(types: readonly ValueType[], row: Row): string {
  return `(${row.map((v, i) => (types[i]?.kind === "text" && v !== null ? `'${v}'` : canonical(types[i]!, v))).join(", ")})`;
}

function exactRest(g: { expected: Row[]; got: Row[] }): RowMatch {
  const both = Math.min(g.expected.length, g.got.length);
  return { missing: g.expected.slice(both), extra: g.got.slice(both) };
}

function byKey(
  a: readonly [readonly (number | string)[], Row],
  b: readonly [readonly (number | string)[], Row],
): number {
  for (let i = 0; i < a[0].length; i++) {
    const [x, y] = [a[0][i]!, b[0][i]!];
    if (typeof x === typeof y) {
      if (x !== y) return x < y ? -1 : 1;
    } else return typeof x === "number" ? -1 : 1;
  }
  return 0;
}

/** Positions from `start` outwards: start, +1, -1, +2, … */
function* around(start: number, length: number): Generator<number> {
  if (start < length) yield start;
  for (let d = 1; start - d >= 0 || start + d < length; d++) {
    if (start + d < length) yield start + d;
    if (start - d >= 0 && start - d < length) yield start - d;
  }
}
