/** A revision of `cluster.json`, as far as the invariants need it. */
interface Revision {
  readonly cluster_id: string;
  readonly revision: number;
  readonly departures?: number;
  readonly app?: { readonly generation: number };
  readonly schedulers: Readonly<Record<string, unknown>>;
  readonly executors: Readonly<Record<string, { readonly instance_id: string; readonly state: string }>>;
  readonly accelerations: Readonly<Record<string, { readonly partitions: readonly Partition[] }>>;
}

interface Partition {
  readonly partition_value: Readonly<Record<string, string | null>>;
  readonly assigned_executors: readonly string[];
  readonly learners: readonly string[];
  readonly epoch: number;
}

/** An executor that left the document, and the revision that removed it. */
export interface Removal {
  readonly executor: string;
  readonly revision: number;
}

/**
 * Every revision of `cluster.json` that the store took, in order, held against the rules of chapter 04: each parses,
 * the revision grows by one, an epoch of a partition belongs to one process for ever.
 */
export class DocumentHistory {
  readonly removals: Removal[] = [];
  readonly #onViolation: (why: string) => void;
  /** Revisions whose predecessor has not come yet: replies overtake each other between proxies. */
  readonly #early = new Map<number, Revision>();
  /** Who had an epoch of a partition. */
  readonly #holders = new Map<string, string>();
  #last: Revision | undefined;

  constructor(onViolation: (why: string) => void) {
    this.#onViolation = onViolation;
  }

  /** The newest revision that was seen in sequence; undefined before the first. */
  get last(): Revision | undefined {
    return this.#last;
  }

  /** The store took this text. */
  written(text: string): void {
    let next: Revision;
    try {
      next = JSON.parse(text) as Revision;
    } catch (error) {
      this.#onViolation(`cluster.json does not parse: ${String(error)}`);
      return;
    }
    if (this.#early.has(next.revision) || next.revision <= (this.#last?.revision ?? 0)) {
      this.#onViolation(`revision ${next.revision} was written twice`);
      return;
    }
    this.#early.set(next.revision, next);
    this.#last ??= { ...next, revision: next.revision - 1, accelerations: {}, executors: {} };
    this.#drain();
  }

  /** What a node says that holds an epoch of a partition must not contradict the document. */
  claimed(table: string, key: string, epoch: number, executor: string, who: string): void {
    const holder = this.#holders.get(`${table}|${key}|${epoch}`);
    // A revision that this history has not seen yet is not a contradiction.
    if (holder === undefined || holder.startsWith(`${executor} `)) return;
    this.#onViolation(
      `${who} says that ${executor} owns ${table} ${key} at epoch ${epoch}, which is ${holder}`,
    );
  }

  /** Go on over revisions that nobody saw being written; call it when the ones before would have come by now. */
  skip(): void {
    const next = this.#last;
    const due = [...this.#early.keys()].sort((a, b) => a - b)[0];
    if (due === undefined || next === undefined) return;
    this.#last = { ...next, revision: due - 1 };
    this.#drain();
  }

  #drain(): void {
    for (;;) {
      const due = this.#early.get((this.#last?.revision ?? 0) + 1);
      if (due === undefined) return;
      this.#early.delete(due.revision);
      this.#follow(due);
      this.#last = due;
    }
  }

  #follow(next: Revision): void {
    const last = this.#last;
    if (last !== undefined) {
      if (last.cluster_id !== next.cluster_id) this.#onViolation("the cluster's id changed");
      if ((next.app?.generation ?? 0) < (last.app?.generation ?? 0))
        this.#onViolation("an older spicepod came back");
      if ((next.departures ?? 0) < (last.departures ?? 0)) this.#onViolation("departures fell");
      for (const executor of Object.keys(last.executors)) {
        if (next.executors[executor] === undefined) this.removals.push({ executor, revision: next.revision });
      }
    }
    for (const [table, { partitions }] of Object.entries(next.accelerations)) {
      const before = new Map(last?.accelerations[table]?.partitions.map((p) => [keyOf(p), p]));
      const seen = new Set<string>();
      for (const partition of partitions) {
        const key = keyOf(partition);
        if (seen.has(key)) this.#onViolation(`revision ${next.revision}: ${table} ${key} is there twice`);
        seen.add(key);
        this.#follows(next, table, key, before.get(key), partition);
      }
    }
  }

  #follows(next: Revision, table: string, key: string, before: Partition | undefined, now: Partition): void {
    const where = `revision ${next.revision}: ${table} ${key}`;
    const owner = now.assigned_executors[0];
    if (before !== undefined && now.epoch < before.epoch) {
      this.#onViolation(`${where}: epoch ${now.epoch} after ${before.epoch}`);
    }
    if (before !== undefined && before.assigned_executors[0] !== owner && now.epoch <= before.epoch) {
      this.#onViolation(`${where}: another owner at epoch ${now.epoch}`);
    }
    for (const holder of [...now.assigned_executors, ...now.learners]) {
      if (next.executors[holder] === undefined) this.#onViolation(`${where}: ${holder} is no member`);
    }
    if (owner === undefined) return;
    const process = `${owner} ${next.executors[owner]?.instance_id}`;
    const stint = `${table}|${key}|${now.epoch}`;
    const holder = this.#holders.get(stint);
    if (holder !== undefined && holder !== process) {
      this.#onViolation(`${where}: epoch ${now.epoch} belonged to ${holder}, now to ${process}`);
    }
    this.#holders.set(stint, process);
  }
}

function keyOf({ partition_value: value }: Partition): string {
  return JSON.stringify(value);
}
