/**
 * The canonical key of a partition: the JSON text of its values, one canonical text or null per expression, in
 * order, without spaces. Equal partitions have equal keys.
 */
export function partitionKey(values: readonly (string | null)[]): string {
  return JSON.stringify(values);
}

/** The values of a key. Throws a RangeError for a text that {@link partitionKey} did not make. */
export function parsePartitionKey(key: string): (string | null)[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(key);
  } catch (cause) {
    throw new RangeError(`Not a partition key: ${key}`, { cause });
  }
  if (!Array.isArray(parsed) || !parsed.every((value) => value === null || typeof value === "string")) {
    throw new RangeError(`Not a partition key: ${key}`);
  }
  if (partitionKey(parsed) !== key) throw new RangeError(`Not a partition key: ${key}`);
  return parsed;
}
