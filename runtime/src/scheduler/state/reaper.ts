import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { PAUSE_MS } from "../../core/cluster/membership/counter-observer.ts";
import { heartbeatKey } from "../../core/cluster/membership/heartbeat-file.ts";
import { isGone, reapSchedulers } from "../../core/cluster/membership/membership.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type PeerBeat, SchedulerObserver } from "./scheduler-observer.ts";

export interface ReaperOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly ttlMs: number;
  /** Ask a peer for its beat, which spares reading its file; rejects when it does not answer. */
  readonly ask?: (peer: SchedulerEntry) => Promise<PeerBeat>;
  readonly onReaped?: (schedulerIds: readonly string[]) => void;
  readonly onError?: (error: unknown) => void;
  readonly observer?: SchedulerObserver;
}

/** A look costs no request of the store while the others answer, so many fit into a TTL: none is seen gone late. */
const LOOKS_PER_TTL = 6;

/**
 * Removes schedulers whose beat did not move for their TTL + 5 s: as they tell it, or as their file says when they do
 * not answer. Every scheduler runs one; the conditional write
 * decides. Runs until `signal` aborts; tick a sixth of the TTL, ± 20 %.
 */
export async function runReaper(options: ReaperOptions, signal: AbortSignal): Promise<void> {
  const { state, clock, random, ttlMs } = options;
  const observer = options.observer ?? new SchedulerObserver(state.store, clock);
  while (!signal.aborted) {
    try {
      await observer.sleep((ttlMs / LOOKS_PER_TTL) * (0.8 + 0.4 * random.next()), signal);
    } catch {
      return;
    }
    try {
      await reapOnce(options, observer, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(error);
    }
  }
}

async function reapOnce(
  options: ReaperOptions,
  observer: SchedulerObserver,
  signal: AbortSignal,
): Promise<void> {
  const { state, clock } = options;
  const peers = Object.values(state.document.schedulers).filter(
    ({ scheduler_id: id }) => id !== state.schedulerId,
  );
  observer.counters.retain(new Set(peers.map(({ scheduler_id: id }) => id)));
  // A peer that cannot write its beat tells an old one, so it is as silent here as in its file.
  const askedMs = clock.monotonicMs();
  const told = await Promise.all(peers.map((peer) => options.ask?.(peer).catch(() => undefined)));
  if (clock.monotonicMs() - askedMs > PAUSE_MS) {
    // What was told before a pause of this process would count as silence since then.
    observer.counters.reset();
    return;
  }
  const silent = (peer: SchedulerEntry) => isGone(peer, observer.counters, clock.monotonicMs());
  const gone = new Map<string, string>();
  for (const [i, peer] of peers.entries()) {
    try {
      await observer.look(peer, told[i], signal);
      // What it told may be a beat behind its file, when the store's reply was lost on the way.
      if (told[i] !== undefined && silent(peer)) await observer.look(peer, undefined, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(error);
      continue;
    }
    if (silent(peer)) gone.set(peer.scheduler_id, peer.instance_id);
  }
  if (gone.size === 0) return;
  await state.change((document) => ({ document: reapSchedulers(document, gone), result: undefined }));
  options.onReaped?.([...gone.keys()]);
  // The file of a scheduler that is gone is of no more use; one that comes back makes a new one.
  for (const id of gone.keys()) await state.store.delete(heartbeatKey(id), { signal });
}
