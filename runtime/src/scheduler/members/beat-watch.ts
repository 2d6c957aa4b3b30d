import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import { CounterObserver, PAUSE_MS } from "../../core/cluster/membership/counter-observer.ts";
import type { Clock } from "../../ports/clock.ts";

/** How often {@link BeatWatch.look} is called. */
export const WATCH_TICK_MS = 1_000;

/** A counter that no real beat has: the executor is in the document and was not heard here yet. */
const NO_BEAT = -1;

/**
 * What this scheduler can say of the executors' silence, as evidence for a loss (spec chapter 04, Time). It speaks
 * only of what it watched without a pause of its own, and on its own monotonic clock.
 */
export class BeatWatch {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #counters = new CounterObserver();
  readonly #last = new Map<string, number>();
  #lookedAtMs: number;

  /** `tickMs`: how often {@link look} is called. */
  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#lookedAtMs = clock.monotonicMs();
  }

  /** A beat arrived. */
  heard(executor: string, instance: string, counter: number): void {
    this.#last.set(executor, counter);
    this.#counters.see(executor, instance, counter, this.#clock.monotonicMs());
  }

  /** The instance opened a control stream: whatever silence there was is over. */
  greeted(executor: string, instance: string): void {
    this.#counters.missed(executor);
    this.#last.delete(executor);
    this.#counters.see(executor, instance, NO_BEAT, this.#clock.monotonicMs());
  }

  /**
   * Begin to watch every executor of the document; after a pause of this process, all of them anew. True when there
   * was such a pause.
   */
  look(document: ClusterDocument): boolean {
    const now = this.#clock.monotonicMs();
    const paused = this.#paused(now);
    if (paused) this.#counters.reset();
    this.#lookedAtMs = now;
    const known = new Set(Object.keys(document.executors));
    this.#counters.retain(known);
    for (const id of this.#last.keys()) if (!known.has(id)) this.#last.delete(id);
    for (const [id, { instance_id: instance }] of Object.entries(document.executors)) {
      if (this.#counters.silentForMs(id, instance, now) === undefined) this.#last.delete(id);
      this.#counters.see(id, instance, this.#last.get(id) ?? NO_BEAT, now);
    }
    return paused;
  }

  /** How long this instance was watched and not heard; undefined when that cannot be said. */
  silentForMs(executor: string, instance: string): number | undefined {
    const now = this.#clock.monotonicMs();
    return this.#paused(now) ? undefined : this.#counters.silentForMs(executor, instance, now);
  }

  #paused(now: number): boolean {
    return now - this.#lookedAtMs > this.#tickMs + PAUSE_MS;
  }
}
