import { compareOrdered, type Ordered } from "./ordered.ts";

/** Values between two bounds; an absent bound is infinite. Bounds of discrete values (bigint) are always closed. */
export interface Interval {
  readonly low: Ordered | undefined;
  readonly lowOpen: boolean;
  readonly high: Ordered | undefined;
  readonly highOpen: boolean;
}

/** A set of values of one type: sorted disjoint intervals, and NULL or not. */
export interface RangeSet {
  readonly nulls: boolean;
  readonly intervals: readonly Interval[];
}

const everything: Interval = { low: undefined, lowOpen: false, high: undefined, highOpen: false };

export const anything: RangeSet = { nulls: true, intervals: [everything] };
export const notNull: RangeSet = { nulls: false, intervals: [everything] };
export const onlyNull: RangeSet = { nulls: true, intervals: [] };
export const nothing: RangeSet = { nulls: false, intervals: [] };

/** The values between two bounds, in normal form; empty when there is none. */
export function between(
  low: Ordered | undefined,
  lowOpen: boolean,
  high: Ordered | undefined,
  highOpen: boolean,
): RangeSet {
  const interval = normal(low, lowOpen, high, highOpen);
  return interval === undefined ? nothing : { nulls: false, intervals: [interval] };
}

function normal(
  low: Ordered | undefined,
  lowOpen: boolean,
  high: Ordered | undefined,
  highOpen: boolean,
): Interval | undefined {
  let [l, lo, h, ho] = [low, lowOpen && low !== undefined, high, highOpen && high !== undefined];
  if (typeof l === "bigint" && lo) [l, lo] = [l + 1n, false];
  if (typeof h === "bigint" && ho) [h, ho] = [h - 1n, false];
  if (l !== undefined && h !== undefined) {
    const order = compareOrdered(l, h);
    if (order > 0 || (order === 0 && (lo || ho))) return undefined;
  }
  return { low: l, lowOpen: lo, high: h, highOpen: ho };
}

/** Exactly these values. */
export function points(values: readonly Ordered[]): RangeSet {
  const sorted = [...values].sort(compareOrdered);
  const distinct = sorted.filter((value, i) => i === 0 || compareOrdered(sorted[i - 1]!, value) !== 0);
  return {
    nulls: false,
    intervals: distinct.map((v) => ({ low: v, lowOpen: false, high: v, highOpen: false })),
  };
}

export function isAnything(set: RangeSet): boolean {
  const [only] = set.intervals;
  return set.nulls && only !== undefined && only.low === undefined && only.high === undefined;
}

export function isNothing(set: RangeSet): boolean {
  return !set.nulls && set.intervals.length === 0;
}

export function intersect(a: RangeSet, b: RangeSet): RangeSet {
  const intervals: Interval[] = [];
  let i = 0;
  let j = 0;
  while (i < a.intervals.length && j < b.intervals.length) {
    const x = a.intervals[i]!;
    const y = b.intervals[j]!;
    const low = compareLow(x, y) >= 0 ? x : y;
    const high = compareHigh(x, y) <= 0 ? x : y;
    const shared = normal(low.low, low.lowOpen, high.high, high.highOpen);
    if (shared !== undefined) intervals.push(shared);
    if (high === x) i += 1;
    else j += 1;
  }
  return { nulls: a.nulls && b.nulls, intervals };
}

export function union(sets: readonly RangeSet[]): RangeSet {
  const sorted = sets.flatMap((set) => set.intervals).sort(compareLow);
  const intervals: Interval[] = [];
  for (const next of sorted) {
    const last = intervals.at(-1);
    if (last === undefined || !touches(last, next)) intervals.push(next);
    else if (compareHigh(last, next) < 0) {
      intervals[intervals.length - 1] = { ...last, high: next.high, highOpen: next.highOpen };
    }
  }
  return { nulls: sets.some((set) => set.nulls), intervals };
}

/** Every value that is not in the set; NULL is not. */
export function complement(set: RangeSet): RangeSet {
  const intervals: Interval[] = [];
  let low: Ordered | undefined;
  let lowOpen = false;
  for (const [i, interval] of set.intervals.entries()) {
    if (interval.low !== undefined) {
      const gap = normal(i === 0 ? undefined : low, lowOpen, interval.low, !interval.lowOpen);
      if (gap !== undefined) intervals.push(gap);
    }
    if (interval.high === undefined) return { nulls: false, intervals };
    low = interval.high;
    lowOpen = !interval.highOpen;
  }
  intervals.push(normal(low, lowOpen, undefined, false)!);
  return { nulls: false, intervals };
}

/** Whether a value is in one of the intervals. */
export function contains(set: RangeSet, value: Ordered): boolean {
  let from = 0;
  let to = set.intervals.length - 1;
  while (from <= to) {
    const middle = (from + to) >> 1;
    const interval = set.intervals[middle]!;
    if (interval.low !== undefined) {
      const order = compareOrdered(value, interval.low);
      if (order < 0 || (order === 0 && interval.lowOpen)) {
        to = middle - 1;
        continue;
      }
    }
    if (interval.high !== undefined) {
      const order = compareOrdered(value, interval.high);
      if (order > 0 || (order === 0 && interval.highOpen)) {
        from = middle + 1;
        continue;
      }
    }
    return true;
  }
  return false;
}

/** The values one by one, when they can be listed and are at most `limit`. */
export function enumerate(set: RangeSet, limit: number): Ordered[] | undefined {
  const values: Ordered[] = [];
  for (const { low, high } of set.intervals) {
    if (low === undefined || high === undefined) return undefined;
    if (typeof low === "bigint" && typeof high === "bigint") {
      if (high - low >= BigInt(limit - values.length)) return undefined;
      for (let value = low; value <= high; value++) values.push(value);
    } else if (compareOrdered(low, high) === 0 && values.length < limit) values.push(low);
    else return undefined;
  }
  return values;
}

function compareLow(a: Interval, b: Interval): number {
  if (a.low === undefined || b.low === undefined) {
    return (a.low === undefined ? 0 : 1) - (b.low === undefined ? 0 : 1);
  }
  return compareOrdered(a.low, b.low) || Number(a.lowOpen) - Number(b.lowOpen);
}

function compareHigh(a: Interval, b: Interval): number {
  if (a.high === undefined || b.high === undefined) {
    return (a.high === undefined ? 1 : 0) - (b.high === undefined ? 1 : 0);
  }
  return compareOrdered(a.high, b.high) || Number(b.highOpen) - Number(a.highOpen);
}

/** Whether `next`, which starts no earlier, goes on where `last` is or ends. */
function touches(last: Interval, next: Interval): boolean {
  if (last.high === undefined || next.low === undefined) return true;
  const order = compareOrdered(next.low, last.high);
  return order < 0 || (order === 0 && !(last.highOpen && next.lowOpen));
}
