import type { PartitionSlot } from "./partition-slot.ts";

/** Queries still read what a partition was here before; the same may succeed when they have ended. */
export class PartitionLeavingError extends Error {
  override readonly name = "PartitionLeavingError";
}

/**
 * Partitions that were given up. Plans of the past find them for a grace, running queries read on, and after both
 * their storage goes.
 *
 *     add ──▶ leaving ──grace over, last pin released──▶ dropping ──▶ gone
 *                └──take (it is to be held again)
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

  /** Resolves when no storage of the partition is left; throws {@link PartitionLeavingError} while it is still read. */
  async gone(key: string): Promise<void> {
    await this.#dropping.get(key);
    if (this.#of(key) !== undefined) {
      throw new PartitionLeavingError(`Partition ${key} is still read here in its former state`);
    }
  }

  /** Drop old versions, and the storage of what nobody reads; not that of `busy` partitions, which are written to. */
  async reap(now: number, busy: readonly PartitionSlot[]): Promise<void> {
    for (const slot of [...this.#since.keys()]) await slot.reap(now, this.#graceMs);
    for (const [slot, since] of [...this.#since]) {
      if (slot.pinned || slot.hasRetired || busy.includes(slot) || now - since < this.#graceMs) continue;
      // Taken back meanwhile.
      if (!this.#since.delete(slot)) continue;
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
  }

  #of(key: string): PartitionSlot | undefined {
    for (const slot of this.#since.keys()) if (slot.key === key) return slot;
    return undefined;
  }
}
