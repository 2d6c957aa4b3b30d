import type { PartitionSlot } from "./partition-slot.ts";

/** Running queries still read what a partition was here before; the same may succeed when they have ended. */
export class PartitionLeavingError extends Error {
  override readonly name = "PartitionLeavingError";
}

/**
 * Partitions that were given up. Plans of the past find them for a grace, running queries read on, and after both
 * their storage goes.
 *
 *     add ──▶ leaving ──grace over, last pin released──▶ dropping ──▶ gone
 *                ├──take (it is to be held again)
 *                └──gone (it is to be learned anew): no grace, last pin released──▶ dropping
 */
export class LeavingSlots {
  readonly #graceMs: number;
  readonly #since = new Map<PartitionSlot, number>();
  readonly #dropping = new Map<string, Promise<void>>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get size(): number {
    return this.#since.size;
  }

  /** @param now monotonic milliseconds, here and below. */
  add(slot: PartitionSlot, now: number): void {
    this.#since.set(slot, now);
  }

  /** The partition as a plan of `epoch` knew it, within the grace. */
  find(key: string, epoch: number, now: number): PartitionSlot | undefined {
    for (const [slot, since] of this.#since) {
      if (slot.key === key && slot.epoch === epoch && now - since < this.#graceMs) return slot;
    }
    return undefined;
  }

  /** Take a partition back with its storage; undefined when that is gone, which has then happened. */
  async take(key: string): Promise<PartitionSlot | undefined> {
    await this.#dropping.get(key);
    const slot = this.#of(key);
    if (slot !== undefined) this.#since.delete(slot);
    return slot;
  }

  /**
   * Resolves when no storage of the partition is left. It goes at once: plans of the past that come later find nothing
   * and are made again. Throws {@link PartitionLeavingError} while running queries read it.
   */
  async gone(key: string, now: number): Promise<void> {
    await this.#dropping.get(key);
    const slot = this.#of(key);
    if (slot === undefined) return;
    await slot.reap(now, 0);
    if (slot.pinned || slot.hasRetired) {
      throw new PartitionLeavingError(`Partition ${key} is still read here in its former state`);
    }
    await this.#drop(slot);
    await this.#dropping.get(key);
  }

  /** Drop old versions, and the storage of what nobody reads; not that of `busy` partitions, which are written to. */
  async reap(now: number, busy: readonly PartitionSlot[]): Promise<void> {
    for (const slot of [...this.#since.keys()]) {
      // Gone or taken back meanwhile, here and below.
      if (this.#since.has(slot)) await slot.reap(now, this.#graceMs);
    }
    for (const [slot, since] of [...this.#since]) {
      if (slot.pinned || slot.hasRetired || busy.includes(slot) || now - since < this.#graceMs) continue;
      if (this.#since.has(slot)) await this.#drop(slot);
    }
  }

  async #drop(slot: PartitionSlot): Promise<void> {
    const since = this.#since.get(slot);
    if (since === undefined) return;
    this.#since.delete(slot);
    const drop = slot.serial(() => slot.table.drop());
    const dropping = drop.catch(() => undefined).then(() => void this.#dropping.delete(slot.key));
    this.#dropping.set(slot.key, dropping);
    try {
      await drop;
    } catch (error) {
      this.#since.set(slot, since);
      throw error;
    }
  }

  #of(key: string): PartitionSlot | undefined {
    for (const slot of this.#since.keys()) if (slot.key === key) return slot;
    return undefined;
  }
}
