import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { CounterObserver, PAUSE_MS } from "../../core/cluster/membership/counter-observer.ts";
import { heartbeatKey, parseHeartbeat } from "../../core/cluster/membership/heartbeat-file.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

/** A beat as the peer itself tells it: its last counter that the store is known to have. */
export interface PeerBeat {
  readonly instance_id: string;
  readonly counter: number;
}

/** A counter that no real beat has: the entry exists and beats not at all. */
const NO_BEAT = -1;

/**
 * Watches heartbeat files for one loop. What could not be read, and everything from before a pause of this process,
 * counts for nothing (spec chapter 04, Time).
 */
export class SchedulerObserver {
  readonly counters: CounterObserver;
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor(store: ObjectStore, clock: Clock, counters = new CounterObserver()) {
    this.#store = store;
    this.#clock = clock;
    this.counters = counters;
  }

  /** Look at one scheduler's beat: the file, or `heard` when the scheduler told it. */
  async look(entry: SchedulerEntry, heard: PeerBeat | undefined, signal?: AbortSignal): Promise<void> {
    const { scheduler_id: id, instance_id: instance } = entry;
    if (heard?.instance_id === instance) {
      this.#see(id, instance, heard.counter, this.#clock.monotonicMs());
      return;
    }
    const started = this.#clock.monotonicMs();
    try {
      const key = heartbeatKey(id);
      const found = await this.#store.get(key, signal === undefined ? {} : { signal });
      const file = found === undefined ? undefined : parseHeartbeat(found.body, key);
      const now = this.#clock.monotonicMs();
      if (now - started > PAUSE_MS) this.counters.reset();
      // A beat of another instance says nothing of this one.
      const counter = file?.instance_id === instance ? file.counter : NO_BEAT;
      this.#see(id, instance, counter, now);
    } catch (error) {
      this.counters.missed(id);
      throw error;
    }
  }

  /** Sleep; waking more than 5 s late means that this process was paused, and drops every observation. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const started = this.#clock.monotonicMs();
    await this.#clock.sleep(ms, signal);
    if (this.#clock.monotonicMs() - started - ms > PAUSE_MS) this.counters.reset();
  }

  /** What a scheduler tells may be behind its file: a counter that seems to go back has not moved. */
  #see(id: string, instance: string, counter: number, nowMs: number): void {
    const seen = this.counters.counterOf(id, instance) ?? counter;
    this.counters.see(id, instance, Math.max(counter, seen), nowMs);
  }
}
