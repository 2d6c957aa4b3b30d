import type { MoveDraft } from "./move-draft.ts";

/** The condition that is reported when more executors look lost than the cluster could be right about. */
export const MORE_THAN_HALF_LOST = "more than half of the executors look lost";

/**
 * Take the lost executors out of the document with all that they hold. A replica that is heard, or a learner that
 * has loaded, becomes owner at once; what is left has no owner until its learner has loaded.
 */
export function removeLost(draft: MoveDraft): void {
  const lost = new Set(draft.lost);
  const gone = (id: string) => lost.has(id) || !draft.knows(id);
  for (const table of draft.tables) {
    const set = draft.set(table);
    for (const [index, { learners = [], replicas = [] }] of set.columns.extras) {
      for (const id of learners) if (gone(id)) draft.dropLearner(table, index, id, "loss");
      for (const id of replicas) if (gone(id)) draft.dropReplica(table, index, id);
    }
    const codes = new Set(set.columns.executors.flatMap((id, code) => (gone(id) ? [code] : [])));
    if (codes.size === 0) continue;
    set.columns.owners.forEach((owner, index) => {
      if (!codes.has(owner)) return;
      const heir = findHeir(draft, table, index);
      if (heir === undefined) draft.release(table, index);
      else draft.promote(table, index, heir, "loss");
    });
  }
  for (const id of draft.lost) draft.removeExecutor(id);
  draft.settle();
}

function findHeir(draft: MoveDraft, table: string, index: number): string | undefined {
  const set = draft.set(table);
  const { learners = [], replicas = [] } = set.columns.extras.get(index) ?? {};
  const key = set.key(index);
  const loaded = (id: string) => {
    const report = draft.report(id, table, key);
    return report?.state === "loaded" && report.epoch === set.epoch(index);
  };
  const fit = (id: string) => draft.targets.includes(id) && loaded(id);
  return replicas.find(fit) ?? learners.find(fit);
}
