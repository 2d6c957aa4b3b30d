/**
 * Executors by load: the least loaded first, then the one with the fewest partitions of the table at hand, then the
 * lowest place. A binary heap over typed arrays with positions, so that any executor's load can grow.
 */
export class LoadHeap {
  readonly #load: Float64Array;
  readonly #tableCount: Int32Array;
  readonly #heap: Int32Array;
  readonly #position: Int32Array;
  #size: number;

  /** `load[i]` and `tableCount[i]` belong to executor i; only those in `members` take part. */
  constructor(load: Float64Array, tableCount: Int32Array, members: readonly number[]) {
    this.#load = load;
    this.#tableCount = tableCount;
    this.#heap = Int32Array.from(members);
    this.#position = new Int32Array(load.length).fill(-1);
    this.#size = members.length;
    for (let at = 0; at < this.#size; at += 1) this.#position[this.#heap[at]!] = at;
    for (let at = (this.#size >>> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  get size(): number {
    return this.#size;
  }

  /** The least loaded executor; the heap must not be empty. */
  least(): number {
    return this.#heap[0]!;
  }

  has(executor: number): boolean {
    return this.#position[executor]! >= 0;
  }

  /** One partition of `weight` more on `executor`. */
  add(executor: number, weight: number): void {
    this.#load[executor]! += weight;
    this.#tableCount[executor]! += 1;
    const at = this.#position[executor]!;
    if (at >= 0) this.#sink(at);
  }

  /** Take an executor out (it is full). */
  remove(executor: number): void {
    const at = this.#position[executor]!;
    if (at < 0) return;
    this.#size -= 1;
    const last = this.#heap[this.#size]!;
    this.#position[executor] = -1;
    if (last === executor) return;
    this.#heap[at] = last;
    this.#position[last] = at;
    this.#sink(at);
    this.#rise(this.#position[last]!);
  }

  #before(a: number, b: number): boolean {
    const byLoad = this.#load[a]! - this.#load[b]!;
    if (byLoad !== 0) return byLoad < 0;
    const byTable = this.#tableCount[a]! - this.#tableCount[b]!;
    return byTable !== 0 ? byTable < 0 : a < b;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const executor = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!this.#before(heap[child]!, executor)) break;
      heap[at] = heap[child]!;
      this.#position[heap[at]!] = at;
      at = child;
    }
    heap[at] = executor;
    this.#position[executor] = at;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const executor = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#before(executor, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      this.#position[heap[at]!] = at;
      at = parent;
    }
    heap[at] = executor;
    this.#position[executor] = at;
  }
}
