/** What a user waits for comes before what just happened, and that before periodic checks. */
export type Priority = "urgent" | "normal" | "background";

const order: readonly Priority[] = ["urgent", "normal", "background"];
/** Every so many picks the lowest lane goes first, so that none starves. */
const fairness = 8;

/** Keys that are ready, in lanes by priority, first in first out within a lane; a key is in one lane at most. */
export class ReadyLanes {
  readonly #lanes: Record<Priority, Set<string>> = {
    urgent: new Set(),
    normal: new Set(),
    background: new Set(),
  };
  #picks = 0;

  get size(): number {
    return this.#lanes.urgent.size + this.#lanes.normal.size + this.#lanes.background.size;
  }

  /** Adds the key, or moves it to a higher lane. Answers whether it was new. */
  add(key: string, priority: Priority): boolean {
    for (const lane of order) {
      if (!this.#lanes[lane].has(key)) continue;
      if (higher(priority, lane)) {
        this.#lanes[lane].delete(key);
        this.#lanes[priority].add(key);
      }
      return false;
    }
    this.#lanes[priority].add(key);
    return true;
  }

  take(): string | undefined {
    this.#picks += 1;
    const lanes = this.#picks % fairness === 0 ? order.toReversed() : order;
    for (const lane of lanes) {
      for (const key of this.#lanes[lane]) {
        this.#lanes[lane].delete(key);
        return key;
      }
    }
    return undefined;
  }
}

/** Whether `a` goes before `b`. */
export function higher(a: Priority, b: Priority): boolean {
  return order.indexOf(a) < order.indexOf(b);
}
