import { type ColumnType, domainOf } from "../column-type.ts";
import type { Compiled } from "../compute/compiled.ts";
import type { Value } from "../value.ts";
import { compareOrdered, type Ordered, toOrdered } from "./ordered.ts";
import { between, contains, type Interval, type RangeSet, union } from "./range-set.ts";

/** What a filter says about one value that a partition may know: a column's, or a partition expression's. */
export interface Constraint {
  readonly set: RangeSet;
  /** False for a value (NULL too) with which the filter cannot be true. */
  readonly tests: readonly ((value: Value) => boolean)[];
}

/** The values for which `fn` gives something in `wanted`; `type` is that of the values. */
export function preimage(fn: Compiled, type: ColumnType, wanted: RangeSet): Constraint {
  if (fn.identity) return { set: wanted, tests: [] };
  const nullsIn = fn.strict ? wanted.nulls : true;
  const domain = finiteDomain(fn, type);
  if (fn.increasing && domain !== undefined) {
    const intervals = wanted.intervals.map((interval) => preimageOfInterval(fn, domain, interval));
    if (!intervals.includes(undefined)) {
      const parts = intervals as RangeSet[];
      if (fn.nullAtInfinity && wanted.nulls) parts.push(infinities(type));
      return { set: { ...union(parts), nulls: nullsIn }, tests: [] };
    }
  }
  const test = (value: Value) => {
    const result = fn.apply(value);
    if (result === undefined) return true;
    return result === null ? wanted.nulls : contains(wanted, toOrdered(result));
  };
  return {
    set: { nulls: nullsIn, intervals: between(undefined, false, undefined, false).intervals },
    tests: [test],
  };
}

/** Every value that `fn` gives for a value in `set` (perhaps more at the ends of unbounded intervals). */
export function image(fn: Compiled, type: ColumnType, set: RangeSet): RangeSet | undefined {
  const domain = finiteDomain(fn, type);
  if (domain === undefined) return undefined;
  const parts: RangeSet[] = [];
  for (const { low, high } of set.intervals) {
    const from = low === undefined || (low as bigint) < domain.min ? domain.min : (low as bigint);
    const to = high === undefined || (high as bigint) > domain.max ? domain.max : (high as bigint);
    if (from > to) continue;
    const first = low === undefined ? null : fn.apply(from);
    const last = high === undefined ? null : fn.apply(to);
    if (first === undefined || last === undefined) return undefined;
    parts.push(
      between(
        first === null ? undefined : toOrdered(first),
        false,
        last === null ? undefined : toOrdered(last),
        false,
      ),
    );
  }
  return union(parts);
}

interface Domain {
  readonly min: bigint;
  readonly max: bigint;
}

/** The values that `fn` may be applied to when looking for where it grows: without infinities that give NULL. */
function finiteDomain(fn: Compiled, type: ColumnType): Domain | undefined {
  const domain = domainOf(type);
  if (domain === undefined || !fn.nullAtInfinity) return domain;
  return { min: domain.min + 1n, max: domain.max - 1n };
}

function infinities(type: ColumnType): RangeSet {
  const { min, max } = domainOf(type)!;
  return union([between(min, false, min, false), between(max, false, max, false)]);
}

function preimageOfInterval(fn: Compiled, domain: Domain, interval: Interval): RangeSet | undefined {
  const { low, high } = interval;
  // The first value that is not below the interval, and the first that is above it.
  const from =
    low === undefined ? domain.min : firstWhere(fn, domain, (y) => reaches(y, low, interval.lowOpen));
  const to =
    high === undefined
      ? domain.max + 1n
      : firstWhere(fn, domain, (y) => reaches(y, high, !interval.highOpen));
  if (from === undefined || to === undefined) return undefined;
  const whole = (bound: Ordered | undefined, at: bigint) =>
    bound === undefined && !fn.nullAtInfinity ? undefined : at;
  return between(whole(low, from), false, whole(high, to - 1n), false);
}

function reaches(y: Ordered, bound: Ordered, strictly: boolean): boolean {
  const order = compareOrdered(y, bound);
  return strictly ? order > 0 : order >= 0;
}

/** Least x of the domain for which the (growing) result reaches; `max + 1` when none does. */
function firstWhere(fn: Compiled, domain: Domain, reached: (y: Ordered) => boolean): bigint | undefined {
  let low = domain.min;
  let high = domain.max + 1n;
  while (low < high) {
    const middle = low + (high - low) / 2n;
    const y = fn.apply(middle);
    if (y === undefined || y === null) return undefined;
    if (reached(toOrdered(y))) high = middle;
    else low = middle + 1n;
  }
  return low;
}
