/** A loop gap above this means that the observer itself was paused. */
export const PAUSE_MS = 5_000;

/** Added to a TTL before a silent scheduler counts as gone. */
export const TTL_GRACE_MS = 5_000;

interface Observation {
  readonly incarnation: string;
  readonly counter: number;
  readonly sinceMs: number;
  /** Seen to move since the observation began. */
  readonly moved: boolean;
}

/**
 * Judges silence by counters that do not move, on the observer's own monotonic clock (spec chapter 04, Time).
 * Clocks of other hosts never matter. What cannot be observed is not silent: a failed look starts anew.
 */
export class CounterObserver {
  readonly #seen = new Map<string, Observation>();

  /** A successful look: `id` runs as `incarnation` and its counter stands at `counter`. */
  see(id: string, incarnation: string, counter: number, nowMs: number): void {
    const last = this.#seen.get(id);
    if (last?.incarnation === incarnation && last.counter === counter) return;
    const moved = last?.incarnation === incarnation;
    this.#seen.set(id, { incarnation, counter, sinceMs: nowMs, moved });
  }

  /** The look failed: nothing can be said about `id`. */
  missed(id: string): void {
    this.#seen.delete(id);
  }

  /** The observer was paused: drop everything. */
  reset(): void {
    this.#seen.clear();
  }

  /** Keep only observations of these ids. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
  }

  /** How long the counter of this very incarnation has not moved; undefined when it is not observed. */
  silentForMs(id: string, incarnation: string, nowMs: number): number | undefined {
    const last = this.#seen.get(id);
    return last?.incarnation === incarnation ? nowMs - last.sinceMs : undefined;
  }

  /** The counter of this very incarnation as last seen; undefined when it is not observed. */
  counterOf(id: string, incarnation: string): number | undefined {
    const last = this.#seen.get(id);
    return last?.incarnation === incarnation ? last.counter : undefined;
  }

  /** True when the counter of this incarnation was seen to move. */
  sawMove(id: string, incarnation: string): boolean {
    const last = this.#seen.get(id);
    return last?.incarnation === incarnation && last.moved;
  }
}
