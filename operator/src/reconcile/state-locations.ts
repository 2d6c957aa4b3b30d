/** A cluster that uses a state location. */
interface Holder {
  readonly key: string;
  readonly createdAt: string;
  readonly uid: string;
}

/**
 * Which clusters keep their state where. Two clusters with one state location would destroy each other's partitions, so
 * the younger one is refused.
 */
export class StateLocations {
  readonly #holders = new Map<string, Map<string, Holder>>();
  readonly #locationOf = new Map<string, string>();

  /** Takes note of what a cluster says; undefined for a location that is its own, such as a directory. */
  set(holder: Holder, location: string | undefined): void {
    if (this.#locationOf.get(holder.key) !== location) this.remove(holder.key);
    if (location === undefined) return;
    this.#locationOf.set(holder.key, location);
    const holders = this.#holders.get(location) ?? new Map<string, Holder>();
    holders.set(holder.key, holder);
    this.#holders.set(location, holders);
  }

  remove(key: string): void {
    const location = this.#locationOf.get(key);
    if (location === undefined) return;
    this.#locationOf.delete(key);
    const holders = this.#holders.get(location);
    holders?.delete(key);
    if (holders?.size === 0) this.#holders.delete(location);
  }

  /** The oldest cluster at the location of `key`, when it is another one. */
  olderThan(key: string): string | undefined {
    const [oldest] = this.#sorted(key);
    return oldest === undefined || oldest.key === key ? undefined : oldest.key;
  }

  /** The others at the location of `key`: they look again when it goes. */
  othersOf(key: string): readonly string[] {
    return this.#sorted(key)
      .map((holder) => holder.key)
      .filter((each) => each !== key);
  }

  #sorted(key: string): readonly Holder[] {
    const location = this.#locationOf.get(key);
    const holders = location === undefined ? undefined : this.#holders.get(location);
    const rank = ({ createdAt, uid }: Holder) => `${createdAt} ${uid}`;
    return [...(holders?.values() ?? [])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }
}
