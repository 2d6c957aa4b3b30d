import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
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

/**
 * Removes schedulers whose beat did not move for their TTL + 5 s: as they tell it, or as their file says when they do
 * not answer. Every scheduler runs one; the conditional write
 * decides. Runs until `signal` aborts; tick TTL ± 20 %.
 */
export async function runReaper(options: ReaperOptions, signal: AbortSignal): Promise<void> {
  const { state, clock, random, ttlMs } = options;
  const observer = options.observer ?? new SchedulerObserver(state.store, clock);
  while (!signal.aborted) {
    try {
      await observer.sleep(ttlMs * (0.8 + 0.4 * random.next()), signal);
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
  const told = await Promise.all(peers.map((peer) => options.ask?.(peer).catch(() => undefined)));
  const gone = new Map<string, string>();
  for (const [i, peer] of peers.entries()) {
    try {
      await observer.look(peer, told[i], signal);
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(error);
      continue;
    }
    if (isGone(peer, observer.counters, clock.monotonicMs())) gone.set(peer.scheduler_id, peer.instance_id);
  }
  if (gone.size === 0) return;
  await state.change((document) => ({ document: reapSchedulers(document, gone), result: undefined }));
  options.onReaped?.([...gone.keys()]);
  // The file of a scheduler that is gone is of no more use; one that comes back makes a new one.
  for (const id of gone.keys()) await state.store.delete(heartbeatKey(id), { signal });
}
