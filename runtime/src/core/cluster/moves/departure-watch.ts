import type { ClusterDocument } from "../document/document.ts";

/**
 * Knows when an observer last learned that a scheduler left the document or was replaced: leases that it confirmed
 * just before may outlive it, and nobody is left to ask about them. The document counts departures, so one that
 * came and went between two looks is noticed as well.
 */
export class DepartureWatch {
  #departures: number | undefined;
  #learnedAtMs = Number.NEGATIVE_INFINITY;

  /** Look at a document; `nowMs` is monotonic. What happened before the first look is not known here. */
  look(document: ClusterDocument, nowMs: number): void {
    const departures = document.departures ?? 0;
    if (this.#departures !== undefined && departures !== this.#departures) this.#learnedAtMs = nowMs;
    this.#departures = departures;
  }

  /** Milliseconds since this observer learned of the last departure; Infinity when it knows of none. */
  sinceMs(nowMs: number): number {
    return nowMs - this.#learnedAtMs;
  }
}
