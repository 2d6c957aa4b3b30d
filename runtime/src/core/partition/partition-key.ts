/**
 * The canonical key of a partition: the JSON text of its values, one canonical text or null per expression, in
 * order, without spaces. Equal partitions have equal keys.
 */
export function partitionKey(values: readonly (string | null)[]): string {
  return JSON.stringify(values);
}
