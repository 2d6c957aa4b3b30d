import type { ClusterDocument } from "../document/document.ts";
import { drain } from "./drain.ts";
import { MORE_THAN_HALF_LOST, removeLost } from "./loss.ts";
import { MoveDraft } from "./move-draft.ts";
import type { MoveInput, MoveReport } from "./move-input.ts";
import { promoteLoaded, replaceLearners } from "./promotion.ts";
import { rebalance } from "./rebalance.ts";

/**
 * The moves as a pure change of the document (spec chapter 04, Moves): partitions of lost executors go to replicas or
 * learners, learners that have loaded become owners, learners that are gone are replaced, draining executors are
 * emptied, and what is left is balanced with the least movement. Every step stands in the document, so any scheduler
 * goes on where another stopped. Returns the same document when nothing is to do.
 */
export function planMoves(
  document: ClusterDocument,
  input: MoveInput,
): { readonly document: ClusterDocument; readonly result: MoveReport } {
  const draft = new MoveDraft(document, input);
  const silent = (id: string) => input.lost.has(id) || input.unheard.has(id);
  const members = Object.keys(document.executors).filter((id) => !silent(id) || !mayLeave(draft, id));
  const looking = members.filter(silent);
  const empty = draft.lost.filter((id) => draft.held(id) === 0);
  const tooMany = draft.lost.length > 0 && looking.length * 2 > members.length;
  let blocked: ReadonlyMap<string, string> = new Map();
  if (!tooMany) {
    removeLost(draft);
    promoteLoaded(draft);
    replaceLearners(draft);
    blocked = drain(draft);
    rebalance(draft);
  }
  const { stranded, moving } = draft.census();
  return {
    document: draft.build(),
    result: {
      steps: draft.steps,
      removed: tooMany ? [] : draft.lost,
      empty: tooMany ? [] : empty,
      blocked,
      moving,
      stranded,
      overCapacity: draft.overCapacity(),
      ...(tooMany ? { condition: MORE_THAN_HALF_LOST } : {}),
    },
  };
}

/** An executor that was drained and holds nothing: its silence is its end, not a sign of a network that is cut. */
function mayLeave(draft: MoveDraft, executor: string): boolean {
  return draft.isDraining(executor) && draft.held(executor) === 0;
}
