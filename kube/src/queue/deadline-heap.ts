interface Entry {
  readonly key: string;
  readonly at: number;
}

/** Keys with a time each, earliest first; a key is in it once, with the earliest time asked for. */
export class DeadlineHeap {
  readonly #heap: Entry[] = [];
  readonly #at = new Map<string, number>();

  get size(): number {
    return this.#at.size;
  }

  /** The earliest time, or `undefined` when empty. */
  get earliest(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Adds the key, or brings it forward. A later time than the present one changes nothing. */
  add(key: string, at: number): void {
    const present = this.#at.get(key);
    if (present !== undefined && present <= at) return;
    this.#at.set(key, at);
    this.#push({ key, at });
  }

  delete(key: string): boolean {
    return this.#at.delete(key);
  }

  /** Takes out one key whose time is `now` or earlier. */
  takeDue(now: number): string | undefined {
    this.#dropStale();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#pop();
    this.#at.delete(first.key);
    return first.key;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#at.clear();
  }

  /** Entries of keys that were deleted or brought forward stay in the heap until they come to the top. */
  #dropStale(): void {
    for (
      let top = this.#heap[0];
      top !== undefined && this.#at.get(top.key) !== top.at;
      top = this.#heap[0]
    ) {
      this.#pop();
    }
    // Many deletions far in the future would otherwise keep memory.
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#at.size) {
      const live = [...this.#at].map(([key, at]) => ({ key, at }));
      this.#heap.length = 0;
      for (const entry of live) this.#push(entry);
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      if (heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}
