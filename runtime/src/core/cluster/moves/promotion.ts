import type { MoveDraft } from "./move-draft.ts";

/**
 * Learners that have loaded become owners: under the partition's present epoch, and not behind what the owner
 * serves, so that a reader never goes back in time.
 */
export function promoteLoaded(draft: MoveDraft): void {
  const active = new Set(draft.targets);
  draft.eachWithLearners((table, index, learners) => {
    const ready = learners.find((id) => active.has(id) && mayBecomeOwner(draft, table, index, id));
    if (ready === undefined) return;
    for (const other of learners) {
      if (other !== ready) draft.dropLearner(table, index, other, "promotion");
    }
    draft.promote(table, index, ready, "promotion");
  });
  draft.settle();
}

function mayBecomeOwner(draft: MoveDraft, table: string, index: number, learner: string): boolean {
  const set = draft.set(table);
  const key = set.key(index);
  const report = draft.report(learner, table, key);
  if (report?.state !== "loaded" || report.epoch !== set.epoch(index)) return false;
  const owner = set.owner(index);
  const served = owner === undefined ? undefined : draft.report(owner, table, key);
  return served === undefined || report.version >= served.version;
}

/**
 * Learners whose executor left the document or drains are dropped, those that failed are replaced while somebody
 * else can be tried, and every partition that lost its owner gets a learner. Partitions that never had an owner are
 * the assignment's.
 */
export function replaceLearners(draft: MoveDraft): void {
  const draining = new Set(draft.draining());
  draft.eachWithLearners((table, index, learners) => {
    const key = draft.set(table).key(index);
    learners.forEach((id, i) => {
      const surplus = i > 0;
      const gone = !draft.knows(id) || draining.has(id);
      const failed = !gone && draft.report(id, table, key)?.state === "failed";
      if (surplus || gone) draft.dropLearner(table, index, id, draining.has(id) ? "drain" : "loss");
      else if (failed && draft.choose(table, index, true) !== undefined) {
        draft.dropLearner(table, index, id, "loss");
      }
    });
  });
  draft.settle();
  for (const table of draft.tables) {
    const set = draft.set(table);
    const { owners, epochs } = set.columns;
    for (let index = 0; index < owners.length; index += 1) {
      if (owners[index]! >= 0 || epochs[index] === 0 || set.learners(index).length > 0) continue;
      const target = draft.choose(table, index, true) ?? leastLoaded(draft);
      if (target !== undefined) draft.learn(table, index, target, "loss");
    }
  }
  draft.settle();
}

/** Where everybody failed, somebody goes on trying. */
function leastLoaded(draft: MoveDraft): string | undefined {
  let best: string | undefined;
  for (const id of draft.targets) if (best === undefined || draft.held(id) < draft.held(best)) best = id;
  return best;
}
