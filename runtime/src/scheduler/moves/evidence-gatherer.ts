import type { ClusterDocument, SchedulerEntry } from "../../core/cluster/document/document.ts";
import { CounterObserver } from "../../core/cluster/membership/counter-observer.ts";
import { heartbeatKey, parseHeartbeat } from "../../core/cluster/membership/heartbeat-file.ts";
import { DepartureWatch } from "../../core/cluster/moves/departure-watch.ts";
import { type LossEvidence, type PeerEvidence, suspects } from "../../core/cluster/moves/judge-loss.ts";
import type { Clock } from "../../ports/clock.ts";
import { type BeatWatch, WATCH_TICK_MS } from "../members/beat-watch.ts";
import type { ClusterState } from "../state/cluster-state.ts";

export interface EvidenceGathererOptions {
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

/**
 * Gathers what `judgeLoss` needs (spec chapter 04, Moves): this scheduler's own view, each peer's answer to news of the
 * suspicion, and of a peer that does not answer the counters in its heartbeat file.
 */
export class EvidenceGatherer {
  readonly #options: EvidenceGathererOptions;
  readonly #files = new CounterObserver();
  readonly #departures = new DepartureWatch();

  constructor(options: EvidenceGathererOptions) {
    this.#options = options;
  }

  /** Start watching what the document has anew. True when an executor is silent here. */
  look(): boolean {
    const { state, watch, clock } = this.#options;
    if (watch.look(state.document)) this.#files.reset();
    this.#departures.look(state.document, clock.monotonicMs());
    return this.silent(state.document).length > 0;
  }

  /** Look every second until `signal` aborts, and tell each time that an executor is silent here. */
  async watch(suspected: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.look()) suspected();
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await this.#options.clock.sleep(WATCH_TICK_MS, signal).catch(() => undefined);
    }
  }

  /** Executors that this scheduler can say it has not heard for the whole period. */
  silent(document: ClusterDocument): string[] {
    const { watch, lostAfterMs } = this.#options;
    return suspects(document, (id, instance) => watch.silentForMs(id, instance), lostAfterMs);
  }

  /** Collect the evidence; undefined, and no request made, while every executor is heard. Store errors pass through. */
  async gather(signal: AbortSignal): Promise<LossEvidence | undefined> {
    const { state, clock, watch, lostAfterMs } = this.#options;
    if (this.silent(state.document).length === 0) {
      this.#files.reset();
      return undefined;
    }
    // What a peer says from here on can be overtaken only by a write, which changes the revision.
    const { document } = await state.refresh(signal);
    this.#departures.look(document, clock.monotonicMs());
    const suspected = new Map(
      this.silent(document).map((id) => [id, document.executors[id]!.instance_id] as const),
    );
    const others = Object.values(document.schedulers).filter((s) => s.scheduler_id !== state.schedulerId);
    const peers = new Map<string, PeerEvidence>();
    await Promise.all(
      others.map(async (peer) => {
        const found = await this.#of(peer, suspected, signal);
        if (found !== undefined) peers.set(peer.scheduler_id, found);
      }),
    );
    return {
      revision: document.revision,
      self: state.schedulerId,
      lostAfterMs,
      sinceDepartureMs: this.#departures.sinceMs(clock.monotonicMs()),
      silentForMs: (id, instance) => watch.silentForMs(id, instance),
      peers,
    };
  }

  /** What a peer says, or its file; undefined when neither can be had. */
  async #of(
    peer: SchedulerEntry,
    suspected: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<PeerEvidence | undefined> {
    const { ask, onError } = this.#options;
    const { instance_id: instance } = peer;
    try {
      const silent = new Map(suspected);
      for (const id of await ask(peer, [...suspected.keys()])) silent.delete(id);
      return { kind: "answer", instance, silent };
    } catch (error) {
      onError?.(peer.scheduler_id, error);
    }
    try {
      return await this.#inFile(peer, suspected, signal);
    } catch (error) {
      signal.throwIfAborted();
      onError?.(peer.scheduler_id, error);
      return undefined;
    }
  }

  async #inFile(
    peer: SchedulerEntry,
    suspected: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<PeerEvidence> {
    const { state, clock } = this.#options;
    const key = heartbeatKey(peer.scheduler_id);
    const found = await state.store.get(key, { signal });
    const file = found === undefined ? undefined : parseHeartbeat(found.body, key);
    const now = clock.monotonicMs();
    const watched = (id: string) => `${peer.instance_id} ${id}`;
    for (const [id, instance] of suspected) {
      const beat = file?.instance_id === peer.instance_id ? file.executors[id] : undefined;
      // -1 is a counter that no beat has: the peer does not hear this instance.
      this.#files.see(watched(id), instance, beat?.instance_id === instance ? beat.counter : -1, now);
    }
    return {
      kind: "file",
      instance: peer.instance_id,
      silentForMs: (id, instance) => this.#files.silentForMs(watched(id), instance, now),
    };
  }
}
