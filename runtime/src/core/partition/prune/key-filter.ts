import { type ColumnType, domainOf } from "../column-type.ts";
import { microsOf } from "../compute/cast.ts";
import { datePart } from "../compute/date-parts.ts";
import { nextStep } from "../compute/date-trunc.ts";
import type { BoundPartitionExpression } from "../expression/bind.ts";
import { formatValue, parseValue } from "../value.ts";
import { fromOrdered, type Ordered, toOrdered } from "./ordered.ts";
import {
  between,
  contains,
  enumerate,
  type Interval,
  isAnything,
  type RangeSet,
  union,
} from "./range-set.ts";
import { type Constraint, image } from "./through-function.ts";

/** Which values of one partition expression can hold a matching row. */
export interface KeyFilter {
  readonly nulls: boolean;
  /** The texts that may stay; absent when `test` decides. */
  readonly allowed?: ReadonlySet<string>;
  readonly test?: (text: string) => boolean;
}

/** At most this many values of a column are tried one by one (spec chapter 03). */
export const mostEnumerated = 10_000;

/**
 * What the constraints on a partition's own value and on its column's value say about the expression's values.
 * `undefined`: nothing.
 */
export function keyFilter(
  key: BoundPartitionExpression,
  own: Constraint | undefined,
  column: Constraint | undefined,
): KeyFilter | undefined {
  const filters: KeyFilter[] = [];
  if (own !== undefined) filters.push(plainFilter(key.type, own));
  if (column !== undefined) {
    filters.push({ ...columnFilter(key, column), nulls: nullMayMatch(key, column) });
  }
  const useful = filters.filter(
    (filter) => !filter.nulls || filter.allowed !== undefined || filter.test !== undefined,
  );
  const [first, second] = useful;
  if (first === undefined || second === undefined) return first;
  return {
    nulls: first.nulls && second.nulls,
    test: (text) => accepts(first, text) && accepts(second, text),
  };
}

/** Whether a partition with this value may stay. */
export function accepts(filter: KeyFilter, text: string | null): boolean {
  if (text === null) return filter.nulls;
  if (filter.allowed !== undefined) return filter.allowed.has(text);
  return filter.test === undefined || filter.test(text);
}

/** The partition of NULL holds the rows whose column is NULL, and for some functions the infinities. */
function nullMayMatch(key: BoundPartitionExpression, { set, tests }: Constraint): boolean {
  if (!key.compiled.strict) return true;
  if (set.nulls && tests.every((test) => test(null))) return true;
  const domain = domainOf(key.column.type);
  return (
    key.compiled.nullAtInfinity &&
    domain !== undefined &&
    (contains(set, domain.min) || contains(set, domain.max))
  );
}

/** The value is known: the constraint decides as it is. */
function plainFilter(type: ColumnType, constraint: Constraint): KeyFilter {
  const { set, tests } = constraint;
  const nulls = set.nulls && tests.every((test) => test(null));
  if (tests.length === 0) {
    if (isAnything(set)) return { nulls };
    const values = enumerate(set, mostEnumerated);
    if (values !== undefined) {
      return { nulls, allowed: new Set(values.map((value) => formatValue(type, fromOrdered(type, value)))) };
    }
  }
  return {
    nulls,
    test: (text) => {
      const ordered = readOrdered(type, text);
      if (ordered === undefined) return true;
      if (!contains(set, ordered)) return false;
      if (tests.length === 0) return true;
      const value = fromOrdered(type, typeof ordered === "number" ? BigInt(ordered) : ordered);
      return tests.every((test) => test(value));
    },
  };
}

function columnFilter(key: BoundPartitionExpression, constraint: Constraint): Omit<KeyFilter, "nulls"> {
  const { transform } = key;
  const { set, tests } = constraint;
  if (transform.kind === "plain") return plainFilter(key.type, constraint);
  if (set.intervals.length === 0) return { allowed: new Set() };
  // Floats that are equal need not hash equally (0 and -0, the many NaNs).
  const discrete = key.column.type.kind !== "float";
  const ranged =
    transform.kind === "increasing" || transform.kind === "prefix" || transform.kind === "modulo";
  if (discrete && (!ranged || tests.length > 0)) {
    const allowed = tryEach(key, constraint);
    if (allowed !== undefined) return { allowed };
  }
  switch (transform.kind) {
    case "bucket":
    case "other":
      return {};
    case "increasing":
      return within(key.type, image(key.compiled, key.column.type, set));
    case "prefix":
      return within(key.type, prefixImage(set, transform.width));
    case "modulo":
      return { test: moduloTest(set, transform.divisor) };
    case "cyclic": {
      const allowed = cyclicImage(key.column.type, set, transform.unit, transform.step);
      return allowed === undefined ? {} : { allowed };
    }
  }
}

/** The expression's value for each value that the column may have, where these are few. */
function tryEach(key: BoundPartitionExpression, { set, tests }: Constraint): Set<string> | undefined {
  const values = enumerate(set, mostEnumerated);
  if (values === undefined) return undefined;
  const allowed = new Set<string>();
  for (const ordered of values) {
    const value = fromOrdered(key.column.type, ordered);
    if (!tests.every((test) => test(value))) continue;
    const result = key.compiled.apply(value);
    if (result === undefined) return undefined;
    if (result !== null) allowed.add(formatValue(key.type, result));
  }
  return allowed;
}

function within(type: ColumnType, set: RangeSet | undefined): Omit<KeyFilter, "nulls"> {
  if (set === undefined) return {};
  return {
    test: (text) => {
      const ordered = readOrdered(type, text);
      return ordered === undefined || contains(set, ordered);
    },
  };
}

/** A partition's text as something to compare. Short integers become numbers, for speed: they compare with bigint. */
function readOrdered(type: ColumnType, text: string): Ordered | undefined {
  if (type.kind === "varchar") return text;
  if (type.kind === "integer" && text.length <= 15) {
    const number = Number(text);
    return Number.isInteger(number) ? number : undefined;
  }
  const value = parseValue(type, text);
  return value === undefined ? undefined : toOrdered(value);
}

/** First `width` characters of the texts in the set. */
function prefixImage(set: RangeSet, width: number): RangeSet {
  const cut = (text: string) => Array.from(text).slice(0, width).join("");
  const length = (text: string) => Array.from(text).length;
  return union(
    set.intervals.map(({ low, lowOpen, high, highOpen }: Interval) => {
      const from = low as string | undefined;
      const to = high as string | undefined;
      // A text shorter than the width is a value of its own; longer ones share theirs with what lies beyond.
      const openBelow = lowOpen && from !== undefined && length(from) < width;
      const openAbove = highOpen && to !== undefined && length(to) <= width;
      return between(
        from === undefined ? undefined : cut(from),
        openBelow,
        to === undefined ? undefined : cut(to),
        openAbove,
      );
    }),
  );
}

/** Whether some x of the set has `x % divisor` equal to the value: the remainder has the sign of x. */
function moduloTest(set: RangeSet, divisor: bigint): (text: string) => boolean {
  const bounds = set.intervals.map(({ low, high }) => ({
    low: low as bigint | undefined,
    high: high as bigint | undefined,
  }));
  const small = (value: bigint | undefined) => value === undefined || BigInt.asIntN(51, value) === value;
  if (small(divisor) && bounds.every(({ low, high }) => small(low) && small(high))) {
    const size = Number(divisor);
    const short = bounds.map(({ low, high }) => ({
      low: low === undefined ? -Infinity : Number(low),
      high: high === undefined ? Infinity : Number(high),
    }));
    return (text) => {
      const remainder = Number(text);
      if (!Number.isInteger(remainder)) return true;
      return short.some(({ low, high }) => hasRemainder(low, high, size, remainder));
    };
  }
  // Bounds of many digits: arithmetic on them must stay exact, and the ends are those of the type or beyond.
  return (text) => {
    if (!/^-?\d{1,39}$/.test(text)) return true;
    const remainder = BigInt(text);
    return bounds.some(({ low, high }) => hasBigRemainder(low, high, divisor, remainder));
  };
}

function hasRemainder(low: number, high: number, divisor: number, remainder: number): boolean {
  if (remainder >= divisor || remainder <= -divisor) return false;
  if (remainder < 0) return hasRemainder(-high, -low, divisor, -remainder);
  // Zero comes from either side; a positive remainder from x ≥ remainder only.
  const least = remainder === 0 ? low : Math.max(low, remainder);
  if (least === -Infinity || high === Infinity) return true;
  return least + ((((remainder - least) % divisor) + divisor) % divisor) <= high;
}

function hasBigRemainder(
  low: bigint | undefined,
  high: bigint | undefined,
  divisor: bigint,
  remainder: bigint,
): boolean {
  if (remainder >= divisor || remainder <= -divisor) return false;
  if (remainder < 0n) {
    const turned = (value: bigint | undefined) => (value === undefined ? undefined : -value);
    return hasBigRemainder(turned(high), turned(low), divisor, -remainder);
  }
  const least = remainder === 0n ? low : low === undefined || low < remainder ? remainder : low;
  if (least === undefined || high === undefined) return true;
  return least + ((((remainder - least) % divisor) + divisor) % divisor) <= high;
}

/** The unit's values in a set of dates or timestamps, where each interval is shorter than a few hundred steps. */
function cyclicImage(type: ColumnType, set: RangeSet, unit: string, step: string): Set<string> | undefined {
  const allowed = new Set<string>();
  for (const { low, high } of set.intervals) {
    if (low === undefined || high === undefined) return undefined;
    const end = microsOf(type, high as bigint);
    let at = microsOf(type, low as bigint);
    for (let steps = 0; at <= end; steps++) {
      if (steps > 400) return undefined;
      allowed.add(String(datePart(unit, at)));
      at = nextStep(step, at);
    }
  }
  return allowed;
}
