/** A cluster that uses a state location. */
export interface Holder {
  readonly key: string;
  /** In whole seconds, as the API server tells it. */
  readonly createdAt: string;
  readonly uid: string;
  /** It was let in before: it may have nodes that run. */
  readonly wasLetIn: boolean;
}

/**
 * Which clusters keep their state where. Two clusters with one state location would destroy each other's partitions, so
 * only the oldest is let in. Of two that were created within one second it is the one that was let in already, and
 * otherwise the one with the lower uid: every operator judges the same, and none lets in both.
 */
export class StateLocations {
  readonly #holders = new Map<string, Map<string, Holder>>();
  readonly #locationOf = new Map<string, string>();

  /** Takes note of what a cluster says; undefined for a location that is its own, such as a directory. */
  set(holder: Holder, location: string | undefined): void {
    const before = this.#locationOf.get(holder.key);
    const present = before === undefined ? undefined : this.#holders.get(before)?.get(holder.key);
    if (before !== location) this.remove(holder.key);
    if (location === undefined) return;
    this.#locationOf.set(holder.key, location);
    const holders = this.#holders.get(location) ?? new Map<string, Holder>();
    // Who comes from another location was let in there, not here.
    const wasLetIn =
      before === undefined ? holder.wasLetIn : before === location && present?.wasLetIn === true;
    holders.set(holder.key, { ...holder, wasLetIn });
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

  /** Lets a cluster in, or answers who is in its place: one that came first. */
  letIn(key: string): string | undefined {
    const [first] = this.#sorted(key);
    if (first === undefined) return undefined;
    if (first.key !== key) return first.key;
    this.#holders.get(this.#locationOf.get(key) ?? "")?.set(key, { ...first, wasLetIn: true });
    return undefined;
  }

  /** Whether a cluster asks for a location and has not been let in. */
  isWaiting(key: string): boolean {
    const location = this.#locationOf.get(key);
    return location !== undefined && this.#holders.get(location)?.get(key)?.wasLetIn === false;
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
    const rank = ({ createdAt, wasLetIn, uid }: Holder) => `${createdAt} ${wasLetIn ? 0 : 1} ${uid}`;
    return [...(holders?.values() ?? [])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }
}
