/** One value of a partition expression as text, or null (spec chapter 04). */
export type PartitionValue = string | null;

/** How a value is held: a canonical integer as a number, so that a million buckets cost eight bytes each or less. */
export type Atom = number | string | null;

/** Consecutive integers (or one value) as runs; anything else as a list. */
export type ValueColumn =
  | { readonly kind: "runs"; readonly firsts: readonly (number | null)[]; readonly starts: readonly number[] }
  | { readonly kind: "list"; readonly atoms: readonly Atom[] };

/**
 * A set of distinct partition values: tuples with one value per partition expression, immutable, sorted. Integers
 * come first and by number, then strings by code unit, then null; this is also the order that "partition value
 * descending" of the assignment reverses.
 */
export class PartitionValues {
  /** Values per tuple: the number of partition expressions (0 for an unpartitioned table). */
  readonly width: number;
  readonly count: number;
  readonly columns: readonly ValueColumn[];

  private constructor(width: number, count: number, columns: readonly ValueColumn[]) {
    this.width = width;
    this.count = count;
    this.columns = columns;
  }

  /** From tuples in any order, doubles allowed. Throws a RangeError on a tuple of another width. */
  static of(width: number, tuples: Iterable<readonly PartitionValue[]>): PartitionValues {
    const atoms: Atom[][] = [];
    for (const tuple of tuples) {
      if (tuple.length !== width) {
        throw new RangeError(`A partition value of ${tuple.length} parts where ${width} are expected`);
      }
      atoms.push(tuple.map(atomOf));
    }
    atoms.sort(compareTuples);
    const distinct = atoms.filter((tuple, i) => i === 0 || compareTuples(atoms[i - 1]!, tuple) !== 0);
    return PartitionValues.fromSortedColumns(
      Array.from({ length: width }, (_, c) => distinct.map((tuple) => tuple[c]!)),
      distinct.length,
    );
  }

  /** The static values of `bucket(count, column)`: 0 … count − 1, and null when the column may be null. */
  static buckets(count: number, withNull: boolean): PartitionValues {
    const column: ValueColumn = withNull
      ? { kind: "runs", firsts: [0, null], starts: [0, count] }
      : { kind: "runs", firsts: [0], starts: [0] };
    return new PartitionValues(1, count + (withNull ? 1 : 0), [column]);
  }

  /** The single partition of an unpartitioned table. */
  static single(): PartitionValues {
    return new PartitionValues(0, 1, []);
  }

  static empty(width: number): PartitionValues {
    return PartitionValues.fromSortedColumns(
      Array.from({ length: width }, () => []),
      0,
    );
  }

  /** From columns that are already sorted and distinct (as an assignment object holds them). */
  static fromSortedColumns(columns: readonly (readonly Atom[])[], count: number): PartitionValues {
    return new PartitionValues(columns.length, count, columns.map(compact));
  }

  /** From columns as {@link PartitionValues.columns} gave them: no copy, no check. */
  static fromColumns(columns: readonly ValueColumn[], count: number): PartitionValues {
    return new PartitionValues(columns.length, count, columns);
  }

  atom(column: number, index: number): Atom {
    const held = this.columns[column]!;
    if (held.kind === "list") return held.atoms[index]!;
    const run = runAt(held.starts, index);
    const first = held.firsts[run]!;
    return first === null ? null : first + (index - held.starts[run]!);
  }

  tuple(index: number): PartitionValue[] {
    const values: PartitionValue[] = [];
    for (let c = 0; c < this.width; c += 1) {
      const atom = this.atom(c, index);
      values.push(typeof atom === "number" ? String(atom) : atom);
    }
    return values;
  }

  /** The canonical key: the JSON text of the tuple, e.g. `["3"]`, `["2026-01-01",null]`. */
  key(index: number): string {
    return partitionKey(this.tuple(index));
  }

  compare(index: number, other: PartitionValues, otherIndex: number): number {
    for (let c = 0; c < this.width; c += 1) {
      const order = compareAtoms(this.atom(c, index), other.atom(c, otherIndex));
      if (order !== 0) return order;
    }
    return 0;
  }

  /** The index of a tuple, or −1. */
  indexOf(tuple: readonly PartitionValue[]): number {
    if (tuple.length !== this.width) return -1;
    const wanted = PartitionValues.fromSortedColumns(
      tuple.map((value) => [atomOf(value)]),
      1,
    );
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.compare(middle, wanted, 0);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  equals(other: PartitionValues): boolean {
    if (this === other) return true;
    if (this.width !== other.width || this.count !== other.count) return false;
    return this.columns.every((column, c) => sameColumn(column, other.columns[c]!));
  }

  /** For each tuple of `target`, its index here, or −1; one walk over both. */
  locate(target: PartitionValues): Int32Array {
    const found = new Int32Array(target.count).fill(-1);
    let mine = 0;
    let theirs = 0;
    while (mine < this.count && theirs < target.count) {
      const order = this.compare(mine, target, theirs);
      if (order === 0) found[theirs++] = mine++;
      else if (order < 0) mine += 1;
      else theirs += 1;
    }
    return found;
  }

  /** The tuples at `indexes`, which must ascend. */
  pick(indexes: readonly number[]): PartitionValues {
    return PartitionValues.fromSortedColumns(
      Array.from({ length: this.width }, (_, c) => indexes.map((i) => this.atom(c, i))),
      indexes.length,
    );
  }

  /** The tuples of both. */
  union(other: PartitionValues): PartitionValues {
    if (this.equals(other) || other.count === 0) return this;
    if (this.count === 0) return other;
    const columns: Atom[][] = Array.from({ length: this.width }, () => []);
    let mine = 0;
    let theirs = 0;
    let count = 0;
    while (mine < this.count || theirs < other.count) {
      const order = mine >= this.count ? 1 : theirs >= other.count ? -1 : this.compare(mine, other, theirs);
      for (let c = 0; c < this.width; c += 1) {
        columns[c]!.push(order <= 0 ? this.atom(c, mine) : other.atom(c, theirs));
      }
      if (order <= 0) mine += 1;
      if (order >= 0) theirs += 1;
      count += 1;
    }
    return PartitionValues.fromSortedColumns(columns, count);
  }
}

/** The canonical key of a partition: the JSON text of its values in the order of the expressions. */
export function partitionKey(values: readonly PartitionValue[]): string {
  return JSON.stringify(values);
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,14})$/;

function atomOf(value: PartitionValue): Atom {
  return value !== null && INTEGER.test(value) ? Number(value) : value;
}

/** Integers by number, then strings by code unit, then null. */
export function compareAtoms(a: Atom, b: Atom): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : 1;
}

function compareTuples(a: readonly Atom[], b: readonly Atom[]): number {
  for (let i = 0; i < a.length; i += 1) {
    const order = compareAtoms(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** Runs where they are much shorter than the list, else the list. */
function compact(atoms: readonly Atom[]): ValueColumn {
  const limit = Math.max(4, atoms.length >>> 4);
  const firsts: (number | null)[] = [];
  const starts: number[] = [];
  let next: number | undefined;
  for (let i = 0; i < atoms.length; i += 1) {
    const atom = atoms[i]!;
    if (typeof atom === "string") return { kind: "list", atoms };
    if (atom === null || atom !== next) {
      if (firsts.length === limit) return { kind: "list", atoms };
      firsts.push(atom);
      starts.push(i);
    }
    next = atom === null ? undefined : atom + 1;
  }
  return { kind: "runs", firsts, starts };
}

function runAt(starts: readonly number[], index: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

function sameColumn(a: ValueColumn, b: ValueColumn): boolean {
  if (a.kind === "runs") {
    return (
      b.kind === "runs" &&
      a.firsts.length === b.firsts.length &&
      a.firsts.every((first, i) => first === b.firsts[i] && a.starts[i] === b.starts[i])
    );
  }
  return b.kind === "list" && a.atoms.length === b.atoms.length && a.atoms.every((v, i) => v === b.atoms[i]);
}
