import type { PartitionSet } from "../document/partition-set.ts";
import type { PartitionValues } from "../document/partition-values.ts";

/**
 * Values that a discovery did not find although the document had them: canonical key → epoch at that time. Kept in
 * the memory of the scheduler that discovers, per table: when that scheduler goes, the next one starts anew, which
 * only delays a removal by one discovery.
 */
export type Absences = ReadonlyMap<string, number>;

export interface DiscoveryDiff {
  /** Values of the discovery that the document does not have. */
  readonly added: number;
  /** What this discovery did not find: the next discovery's `previous`. */
  readonly absent: Absences;
  /** What the one before did not find either: may be removed. */
  readonly removable: Absences;
}

/**
 * Compare a successful discovery with the document's partitions (spec chapter 04, Diff). A value is removable when
 * it was known, and absent, at two successive discoveries; one that changed hands in between waits once more.
 */
export function diffDiscovery(
  known: PartitionSet,
  discovered: PartitionValues,
  previous: Absences,
): DiscoveryDiff {
  const absent = new Map<string, number>();
  const removable = new Map<string, number>();
  if (known.values.equals(discovered)) return { added: 0, absent, removable };
  const found = discovered.locate(known.values);
  let common = 0;
  for (let i = 0; i < found.length; i += 1) {
    if (found[i]! >= 0) {
      common += 1;
      continue;
    }
    const key = known.key(i);
    const epoch = known.epoch(i);
    absent.set(key, epoch);
    if (previous.get(key) === epoch) removable.set(key, epoch);
  }
  return { added: discovered.count - common, absent, removable };
}

/** `known` with the new values of a discovery and without the removable ones that are still as they were. */
export function applyDiscovery(
  known: PartitionSet,
  discovered: PartitionValues,
  removable: Absences,
): PartitionSet {
  if (known.values.equals(discovered)) return known;
  let kept = known.values;
  if (removable.size > 0) {
    const found = discovered.locate(known.values);
    const stay: number[] = [];
    for (let i = 0; i < known.count; i += 1) {
      const gone = found[i]! < 0 && removable.get(known.key(i)) === known.epoch(i);
      if (!gone) stay.push(i);
    }
    kept = stay.length === known.count ? kept : known.values.pick(stay);
  }
  return known.reshape(kept.union(discovered));
}
