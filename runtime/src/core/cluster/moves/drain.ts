import { BucketNeighbours } from "./bucket-neighbours.ts";
import type { MoveDraft } from "./move-draft.ts";

export const NO_OTHER_EXECUTOR = "no other active executor is heard";
export const NO_CAPACITY = "All executors at capacity";

/**
 * Every partition that a draining executor owns gets a learner elsewhere, as many at a time as the interval allows.
 * Returns the executors that cannot go on, each with why.
 */
export function drain(draft: MoveDraft): Map<string, string> {
  const blocked = new Map<string, string>();
  const draining = draft.draining();
  if (draining.length === 0) return blocked;
  let free = freeLearners(draft);
  let neighbours: BucketNeighbours | undefined;
  for (const table of draft.tables) {
    const set = draft.set(table);
    const { executors, owners } = set.columns;
    const codes = new Map(
      draining.map((id) => [executors.indexOf(id), id] as const).filter(([code]) => code >= 0),
    );
    if (codes.size === 0) continue;
    for (let index = 0; index < owners.length; index += 1) {
      const executor = codes.get(owners[index]!);
      if (executor === undefined || set.learners(index).length > 0) continue;
      neighbours ??= new BucketNeighbours(draft);
      const beside = (id: string) => neighbours!.at(table, index, id);
      const target = draft.choose(table, index, false, beside);
      if (target !== undefined) {
        if (free <= 0) continue;
        free -= 1;
        draft.learn(table, index, target, "drain");
        neighbours.moved(table, index, target);
      } else if (!blocked.has(executor)) {
        blocked.set(executor, whyBlocked(draft));
      }
    }
  }
  draft.settle();
  return blocked;
}

/** How many learners may still be added for drains and rebalances. */
export function freeLearners(draft: MoveDraft): number {
  const { capped, settings } = draft.input;
  if (!capped) return Number.POSITIVE_INFINITY;
  return settings.maxPartitionAssignmentsPerInterval - draft.census().moving;
}

function whyBlocked(draft: MoveDraft): string {
  if (draft.targets.length === 0) return NO_OTHER_EXECUTOR;
  const { maxPartitionsPerExecutor } = draft.input.settings;
  return draft.targets.every((id) => draft.held(id) >= maxPartitionsPerExecutor)
    ? NO_CAPACITY
    : "every other executor failed to load one of its partitions";
}
