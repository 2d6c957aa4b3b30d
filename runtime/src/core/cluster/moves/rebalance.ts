import { BucketNeighbours } from "./bucket-neighbours.ts";
import { freeLearners } from "./drain.ts";
import type { MoveDraft } from "./move-draft.ts";

interface Donor {
  readonly table: string;
  readonly index: number;
}

/**
 * Restore balance with the least movement: what executors own above the balanced level goes to those below it. Moves
 * under way count as done, so a second run adds nothing. Only in a healthy cluster: every executor heard, no drain
 * under way, no partition without an owner.
 */
export function rebalance(draft: MoveDraft): void {
  const { targets } = draft;
  if (targets.length < 2 || !isHealthy(draft)) return;
  const counts = new Map(targets.map((id) => [id, 0]));
  const perTable = new Map<string, Map<string, number>>();
  for (const table of draft.tables) {
    const own = new Map<string, number>();
    perTable.set(table, own);
    const set = draft.set(table);
    for (let i = 0; i < set.count; i += 1) {
      const holder = set.learners(i)[0] ?? set.owner(i)!;
      own.set(holder, (own.get(holder) ?? 0) + 1);
      counts.set(holder, (counts.get(holder) ?? 0) + 1);
    }
  }
  let free = freeLearners(draft);
  let bytes = freeBytes(draft);
  let donors: Map<string, Donor[]> | undefined;
  let neighbours: BucketNeighbours | undefined;
  while (free > 0) {
    const [poor, rich] = extremes(targets, counts);
    if (counts.get(rich)! - counts.get(poor)! < 2) return;
    if (draft.held(poor) >= draft.input.settings.maxPartitionsPerExecutor) return;
    donors ??= collectDonors(draft);
    neighbours ??= new BucketNeighbours(draft);
    const candidate = takeDonor(draft, donors.get(rich) ?? [], perTable, neighbours, rich, poor);
    if (candidate === undefined) return;
    const { table, index } = candidate;
    const size = sizeOf(draft, table, index);
    // One of any size may move when nothing else does.
    if (size > bytes.left && bytes.used > 0) return;
    bytes = { left: bytes.left - size, used: bytes.used + Math.max(size, 1) };
    free -= 1;
    draft.learn(table, index, poor, "rebalance");
    neighbours.moved(table, index, poor);
    shift(counts, rich, poor);
    shift(perTable.get(table)!, rich, poor);
  }
}

function isHealthy(draft: MoveDraft): boolean {
  // One that is empty drains on until it is stopped or taken back, and concerns nobody.
  if (draft.draining().some((id) => draft.held(id) > 0) || draft.lost.length > 0) return false;
  if (!draft.allHeard()) return false;
  return draft.tables.every((table) => draft.set(table).unassignedCount() === 0);
}

function extremes(targets: readonly string[], counts: ReadonlyMap<string, number>): [string, string] {
  let poor = targets[0]!;
  let rich = targets[0]!;
  for (const id of targets) {
    if (counts.get(id)! < counts.get(poor)!) poor = id;
    if (counts.get(id)! > counts.get(rich)!) rich = id;
  }
  return [poor, rich];
}

/** Partitions that may move, by owner: those without a learner. */
function collectDonors(draft: MoveDraft): Map<string, Donor[]> {
  const donors = new Map<string, Donor[]>();
  for (const table of draft.tables) {
    const set = draft.set(table);
    for (let index = 0; index < set.count; index += 1) {
      if (set.learners(index).length > 0) continue;
      const owner = set.owner(index)!;
      const list = donors.get(owner);
      if (list === undefined) donors.set(owner, [{ table, index }]);
      else list.push({ table, index });
    }
  }
  return donors;
}

/**
 * Of the rich one's partitions, one of the table whose spread between the two is widest; of these the one that has most
 * of its like at the poor one and least at the rich one.
 */
function takeDonor(
  draft: MoveDraft,
  list: Donor[],
  perTable: ReadonlyMap<string, ReadonlyMap<string, number>>,
  neighbours: BucketNeighbours,
  rich: string,
  poor: string,
): Donor | undefined {
  let best = -1;
  let widest = Number.NEGATIVE_INFINITY;
  let nearest = Number.NEGATIVE_INFINITY;
  list.forEach(({ table, index }, i) => {
    const own = perTable.get(table)!;
    const spread = (own.get(rich) ?? 0) - (own.get(poor) ?? 0);
    if (spread < widest) return;
    const near = neighbours.at(table, index, poor) - neighbours.at(table, index, rich);
    if (spread === widest && near <= nearest) return;
    const set = draft.set(table);
    const { replicas = [] } = set.columns.extras.get(index) ?? {};
    if (replicas.includes(poor) || draft.report(poor, table, set.key(index))?.state === "failed") return;
    [widest, nearest] = [spread, near];
    best = i;
  });
  return best < 0 ? undefined : list.splice(best, 1)[0];
}

function freeBytes(draft: MoveDraft): { readonly left: number; readonly used: number } {
  const limit = draft.input.settings.maxPartitionMoveBytes;
  let used = 0;
  draft.eachWithLearners((table, index) => {
    used += Math.max(1, sizeOf(draft, table, index));
  });
  return { left: limit - used, used };
}

function sizeOf(draft: MoveDraft, table: string, index: number): number {
  return draft.bytes(table, draft.set(table).key(index)) ?? 0;
}

function shift(counts: Map<string, number>, from: string, to: string): void {
  counts.set(from, (counts.get(from) ?? 0) - 1);
  counts.set(to, (counts.get(to) ?? 0) + 1);
}
