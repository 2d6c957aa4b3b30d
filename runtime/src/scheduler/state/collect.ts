import { printDocument } from "../../core/cluster/document/codec.ts";
import { PAUSE_MS } from "../../core/cluster/membership/counter-observer.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "./cluster-state.ts";

/** How long an assignment object must be seen unreferenced before it is deleted. */
export const COLLECT_AFTER_MS = 3_600_000;

/**
 * Deletes assignment objects that no document has named for an hour by this process's own clock: old enough
 * that no writer is between writing its object and swinging the root, and no reader between reading the root and
 * its objects. Content never comes back (an object carries its table's revision), so none is revived meanwhile.
 */
export class Collector {
  readonly #state: ClusterState;
  readonly #clock: Clock;
  readonly #maxInline: number | undefined;
  readonly #unreferencedSince = new Map<string, number>();

  constructor(state: ClusterState, clock: Clock, maxInline?: number) {
    this.#state = state;
    this.#clock = clock;
    this.#maxInline = maxInline;
  }

  /** One pass; the driver runs it every ten minutes. Returns the keys that were deleted. */
  async collect(signal: AbortSignal): Promise<string[]> {
    const listed: string[] = [];
    for await (const { key } of this.#state.store.list("assignments/", { signal })) listed.push(key);
    // Read the root after the listing: what it names now was written before.
    const { document } = await this.#state.refresh(signal);
    const referenced = new Set(printDocument(document, this.#maxInline).objects.map(({ key }) => key));
    const now = this.#clock.monotonicMs();
    const present = new Set(listed);
    for (const key of this.#unreferencedSince.keys()) {
      if (!present.has(key) || referenced.has(key)) this.#unreferencedSince.delete(key);
    }
    const deleted: string[] = [];
    for (const key of listed) {
      if (referenced.has(key)) continue;
      const since = this.#unreferencedSince.get(key) ?? now;
      this.#unreferencedSince.set(key, since);
      if (now - since < COLLECT_AFTER_MS) continue;
      await this.#state.store.delete(key, { signal });
      this.#unreferencedSince.delete(key);
      deleted.push(key);
    }
    return deleted;
  }

  /** Collect every ten minutes until `signal` aborts, while `drives()` says that this scheduler is the driver. */
  async run(drives: () => boolean, onError: (error: unknown) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const started = this.#clock.monotonicMs();
        await this.#clock.sleep(PASS_INTERVAL_MS, signal);
        if (this.#clock.monotonicMs() - started - PASS_INTERVAL_MS > PAUSE_MS)
          this.#unreferencedSince.clear();
        if (drives()) await this.collect(signal);
        else this.#unreferencedSince.clear();
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
      }
    }
  }
}

const PASS_INTERVAL_MS = 600_000;
