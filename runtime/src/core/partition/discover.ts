import type { BoundPartitionExpression } from "./expression/bind.ts";

/** How the partitions of a table are found (spec chapter 03, Discovery). */
export interface DiscoveryPlan {
  /** Positions in `partition_by` whose values are known without the source. */
  readonly staticKeys: readonly number[];
  /** Positions whose values one query finds. */
  readonly dynamicKeys: readonly number[];
}

/** Which keys are static (`bucket` with a literal N) and which the source has to be asked for. */
export function planDiscovery(partitionBy: readonly BoundPartitionExpression[]): DiscoveryPlan {
  const positions = partitionBy.map((_, i) => i);
  const isStatic = (i: number) => partitionBy[i]!.transform.kind === "bucket";
  return {
    staticKeys: positions.filter(isStatic),
    dynamicKeys: positions.filter((i) => !isStatic(i)),
  };
}

/** The values of a static key: 0 … N−1, and NULL when the column may be null. */
export function staticValues(expression: BoundPartitionExpression): readonly (string | null)[] {
  if (expression.transform.kind !== "bucket") {
    throw new RangeError(`The values of ${expression.text} are not known without the source`);
  }
  const buckets: (string | null)[] = Array.from({ length: expression.transform.count }, (_, i) => String(i));
  return expression.nullable ? [...buckets, null] : buckets;
}

/**
 * Every partition: the product of the static keys' values and the distinct tuples found for the dynamic ones
 * (`[[]]` when there are none), as value lists in the order of `partition_by`. Lazy: the product may be large.
 */
export function* discoveredPartitions(
  partitionBy: readonly BoundPartitionExpression[],
  plan: DiscoveryPlan,
  found: Iterable<readonly (string | null)[]>,
): Generator<(string | null)[]> {
  const ranges = plan.staticKeys.map((key) => staticValues(partitionBy[key]!));
  for (const tuple of found) {
    const values: (string | null)[] = new Array(partitionBy.length).fill(null);
    for (const [at, key] of plan.dynamicKeys.entries()) values[key] = tuple[at]!;
    yield* product(values, plan.staticKeys, ranges, 0);
  }
}

function* product(
  values: (string | null)[],
  keys: readonly number[],
  ranges: readonly (readonly (string | null)[])[],
  at: number,
): Generator<(string | null)[]> {
  const range = ranges[at];
  if (range === undefined) {
    yield [...values];
    return;
  }
  for (const value of range) {
    values[keys[at]!] = value;
    yield* product(values, keys, ranges, at + 1);
  }
}
