/** What only schedulers know, such as how many partitions are loaded, brings no event: they are asked again and again. */

/** A cluster at rest costs a connection and an answer, so all of them together are asked this often a second at most. */
const restingPerSecond = 1;
const restingMs = { least: 60_000, most: 600_000 };
/** The same for clusters that are not as they shall be. */
const unsettledPerSecond = 20;
const unsettledMs = { least: 3_000, most: 60_000 };

/** When to ask a cluster at rest again: after a minute with up to 60 clusters, later with more. */
export function restingPollMs(clusters: number): number {
  return bounded((clusters / restingPerSecond) * 1000, restingMs);
}

/** When to look again at a cluster that is not as it shall be, of so many: after three seconds, with more than 60 later. */
export function unsettledPollMs(unsettled: number): number {
  return bounded((unsettled / unsettledPerSecond) * 1000, unsettledMs);
}

function bounded(ms: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.min(most, Math.max(least, ms));
}
