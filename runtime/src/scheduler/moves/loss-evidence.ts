import { CounterObserver, TTL_GRACE_MS } from "../../core/cluster/counter-observer.ts";
import type { ClusterDocument, SchedulerEntry } from "../../core/cluster/document.ts";
import { heartbeatKey, parseHeartbeat } from "../../core/cluster/heartbeat-file.ts";
import { DepartureWatch } from "../../core/cluster/moves/departure-watch.ts";
import type { Clock } from "../../ports/clock.ts";
import type { BeatWatch } from "../members/beat-watch.ts";
import type { ClusterState } from "../state/cluster-state.ts";

export interface LossEvidenceOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly watch: BeatWatch;
  /** `executor_lost_after`. */
  readonly lostAfterMs: number;
  /** Which of the suspected executors a peer hears, or cannot speak of; rejects when the peer does not answer. */
  ask(peer: SchedulerEntry, suspected: readonly string[]): Promise<readonly string[]>;
  /** Evidence of a peer could not be had: no executor is lost without it. */
  readonly onError?: (peer: string, error: unknown) => void;
}

/** What one look around found. Void for any document but that of `revision`. */
export interface LossFinding {
  readonly revision: number;
  /** Executor id → the instance that nobody heard. */
  readonly lost: ReadonlyMap<string, string>;
}

const nobody: ReadonlyMap<string, string> = new Map();

/**
 * Which executors are lost (spec chapter 04, Moves): those whose counter neither this scheduler nor any other saw move
 * for 1.2 × `executor_lost_after`, so that their leases are over. A peer's word is its answer to news of the suspicion;
 * of a peer that does not answer, the counters in its heartbeat file, which must stand still for its TTL + 5 s
 * longer. No word of a peer, no loss.
 */
export class LossEvidence {
  readonly #options: LossEvidenceOptions;
  readonly #files = new CounterObserver();
  readonly #departures = new DepartureWatch();

  constructor(options: LossEvidenceOptions) {
    this.#options = options;
  }

  /** Start watching what the document has anew, and give the executors that are silent here. */
  suspects(): ReadonlyMap<string, string> {
    const { state, watch, clock } = this.#options;
    this.#departures.look(state.document, clock.monotonicMs());
    if (watch.look(state.document)) this.#files.reset();
    return this.silent(state.document);
  }

  /** Executors that this scheduler has not heard for the whole period. */
  silent(document: ClusterDocument): ReadonlyMap<string, string> {
    const silent = new Map<string, string>();
    for (const [id, { instance_id: instance }] of Object.entries(document.executors)) {
      if (this.isSilent(id, instance)) silent.set(id, instance);
    }
    return silent;
  }

  /** True when this scheduler can say that it did not hear the instance for the whole period. */
  isSilent(executor: string, instance: string): boolean {
    const { watch, lostAfterMs } = this.#options;
    const silentMs = watch.silentForMs(executor, instance);
    return silentMs !== undefined && silentMs > lossPeriodMs(lostAfterMs);
  }

  /** Collect the evidence. Costs no request while every executor is heard; errors of the store pass through. */
  async gather(signal: AbortSignal): Promise<LossFinding> {
    const { state, clock, lostAfterMs } = this.#options;
    const quiet = { revision: state.document.revision, lost: nobody };
    if (this.silent(state.document).size === 0) {
      this.#files.reset();
      return quiet;
    }
    // An answer that a peer gives from here on can be overtaken only by a write, which changes the revision.
    const { document } = await state.refresh(signal);
    const now = clock.monotonicMs();
    this.#departures.look(document, now);
    // A lease that a scheduler confirmed just before it left may still run, and it cannot be asked any more.
    if (this.#departures.sinceMs(now) <= lossPeriodMs(lostAfterMs)) {
      return { ...quiet, revision: document.revision };
    }
    const suspected = this.silent(document);
    if (suspected.size === 0) return { ...quiet, revision: document.revision };
    const peers = Object.values(document.schedulers).filter((s) => s.scheduler_id !== state.schedulerId);
    const heard = await Promise.all(peers.map((peer) => this.#heardBy(peer, suspected, signal)));
    const lost = new Map(suspected);
    for (const id of heard.flat()) lost.delete(id);
    return { revision: document.revision, lost };
  }

  /** The suspected executors that a peer hears, or whose silence it cannot confirm. */
  async #heardBy(
    peer: SchedulerEntry,
    suspected: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { ask, onError } = this.#options;
    const ids = [...suspected.keys()];
    try {
      return await ask(peer, ids);
    } catch (error) {
      onError?.(peer.scheduler_id, error);
    }
    try {
      return await this.#inFile(peer, suspected, signal);
    } catch (error) {
      signal.throwIfAborted();
      onError?.(peer.scheduler_id, error);
      return ids;
    }
  }

  async #inFile(
    peer: SchedulerEntry,
    suspected: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { state, clock, lostAfterMs } = this.#options;
    const key = heartbeatKey(peer.scheduler_id);
    const found = await state.store.get(key, { signal });
    const file = found === undefined ? undefined : parseHeartbeat(found.body, key);
    const now = clock.monotonicMs();
    const periodMs = lossPeriodMs(lostAfterMs) + peer.ttl_ms + TTL_GRACE_MS;
    return [...suspected].flatMap(([id, instance]) => {
      const beat = file?.instance_id === peer.instance_id ? file.executors[id] : undefined;
      const watched = `${peer.instance_id} ${id}`;
      // -1 is a counter that no beat has: the peer does not hear this instance.
      this.#files.see(watched, instance, beat?.instance_id === instance ? beat.counter : -1, now);
      const silentMs = this.#files.silentForMs(watched, instance, now);
      return silentMs !== undefined && silentMs > periodMs ? [] : [id];
    });
  }
}

/** How long an executor must not have been heard before it may be lost: its lease is over, whatever the clocks' rates. */
export function lossPeriodMs(lostAfterMs: number): number {
  return 1.2 * lostAfterMs;
}
