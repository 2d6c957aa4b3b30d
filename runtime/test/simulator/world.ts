import type { Random } from "../../src/ports/random.ts";

/** Seeded randomness (mulberry32): equal seeds give equal runs on every machine. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.between(0, 15).toString(16)).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Virtual time: a queue of events, run one at a time in the order of their time and creation. After each event all
 * promises that it settled run their course before the next one, so a run depends on nothing but its seed.
 */
export class World {
  readonly random: SeededRandom;
  #now = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  get now(): number {
    return this.#now;
  }

  /** Run `run` after `delayMs` of virtual time. */
  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#push({ at: this.#now + Math.max(0, delayMs), order: this.#order, run });
  }

  /** Run events until virtual time `untilMs`, or until `done` (asked after each) says so. */
  async run(untilMs: number, afterEach: () => void, done: () => boolean = () => false): Promise<boolean> {
    await eventLoopTurn();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= untilMs) {
      const event = this.#pop();
      this.#now = event.at;
      event.run();
      await settled();
      afterEach();
      if (done()) return true;
    }
    this.#now = Math.max(this.#now, untilMs);
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    heap.push(event);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!before(heap[at]!, heap[parent]!)) break;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #pop(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) return first;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, heap[at]!)) return first;
      [heap[at], heap[child]] = [heap[child]!, heap[at]!];
      at = child;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Every promise that is settled now has run its reactions: the next tick comes after all microtasks, and costs much
 * less than a turn of the event loop.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Ticks alone would keep the real event loop waiting (a test's time-out, unhandled rejections). */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
