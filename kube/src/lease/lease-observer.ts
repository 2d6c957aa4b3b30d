import type { Lease } from "./lease.ts";

/**
 * Judges whether a holder is alive by when *we* saw its record change, never by the times in the record: those
 * are from another host's clock.
 */
export class LeaseObserver {
  #record: string | undefined;
  #changedAt = 0;

  /** Takes note of what was read; `now` is monotonic, taken after the read. */
  observe(lease: Lease, now: number): void {
    const { spec = {} } = lease;
    const record = JSON.stringify([
      spec.holderIdentity,
      spec.acquireTime,
      spec.renewTime,
      spec.leaseTransitions,
    ]);
    if (record === this.#record) return;
    this.#record = record;
    this.#changedAt = now;
  }

  /** Whether the lease is free: released, or unchanged for its duration since we first saw it so. */
  isFree(lease: Lease, defaultMs: number, now: number): boolean {
    const { holderIdentity = "", leaseDurationSeconds } = lease.spec ?? {};
    if (holderIdentity === "") return true;
    const ms = leaseDurationSeconds === undefined ? defaultMs : leaseDurationSeconds * 1000;
    return now - this.#changedAt >= Math.max(ms, defaultMs);
  }
}
