/** Rows of one commit stay in memory until it: bytes before compression. */
const mostBytes = 16 * 2 ** 20;
const mostPartitions = 64;

/**
 * Which partitions are committed together, as their indexes: small ones, so that a statement's and a commit's fixed costs
 * are shared, and as evenly as they come over `writers`. `bytes` are the sizes of the partitions; one of unknown size has
 * a commit of its own.
 */
export function commitGroups(
  bytes: readonly (number | undefined)[],
  writers: number,
): readonly (readonly number[])[] {
  const most = Math.min(mostPartitions, Math.ceil(bytes.length / writers));
  const groups: number[][] = [];
  let group: number[] = [];
  let room = mostBytes;
  for (const [index, size = mostBytes] of bytes.entries()) {
    if (group.length === most || (group.length > 0 && size > room)) {
      groups.push(group);
      group = [];
      room = mostBytes;
    }
    group.push(index);
    room -= size;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
