import type { ClusterDocument } from "../document.ts";

/**
 * Remembers when an observer last saw a scheduler leave the document or be replaced: leases that it confirmed just
 * before may outlive it, and nobody is left to ask about them.
 */
export class DepartureWatch {
  #present = new Map<string, string>();
  #departedAtMs = Number.NEGATIVE_INFINITY;

  /** Look at a document. Call it with every newer one; `nowMs` is monotonic. */
  look(document: ClusterDocument, nowMs: number): void {
    for (const [id, instance] of this.#present) {
      if (document.schedulers[id]?.instance_id !== instance) this.#departedAtMs = nowMs;
    }
    this.#present = new Map(
      Object.values(document.schedulers).map((entry) => [entry.scheduler_id, entry.instance_id]),
    );
  }

  /** Milliseconds since the last departure that was seen; Infinity when there was none. */
  sinceMs(nowMs: number): number {
    return nowMs - this.#departedAtMs;
  }
}
