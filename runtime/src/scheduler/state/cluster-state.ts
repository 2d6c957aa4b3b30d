import { continues } from "../../core/cluster/assignment/lineage.ts";
import { type Backoff, backoffMs } from "../../core/cluster/backoff.ts";
import { isRegistered, seal, type Writer, wasCommitted } from "../../core/cluster/commit.ts";
import { printDocument } from "../../core/cluster/document/codec.ts";
import { type ClusterDocument, newDocument } from "../../core/cluster/document/document.ts";
import {
  ConcurrentModificationError,
  ForeignDocumentError,
  MissingDocumentError,
  NotRegisteredError,
  RestoredDocumentError,
  UnknownCommitError,
} from "../../core/cluster/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { AmbiguousWriteError, type ObjectStore, StoreError } from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";
import { type Snapshot, StateObjects } from "./state-objects.ts";

export type { Snapshot } from "./state-objects.ts";

/** A pure function of the document; returns the same object when nothing is to change. May throw to refuse. */
export type Change<T> = (document: ClusterDocument) => {
  readonly document: ClusterDocument;
  readonly result: T;
};

export interface Committed<T> {
  /** The document that has the change (or that needed none). */
  readonly snapshot: Snapshot;
  /** What the change returned for the document that it was committed on. */
  readonly result: T;
}

export interface ClusterStateOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly schedulerId: string;
  /** Drawn anew by each process. */
  readonly instanceId: string;
  /** Tables with more partitions get an object of their own; 1,000 when absent. */
  readonly maxInlinePartitions?: number;
  /** Called after each attempt to write the root: for `cluster_state_commits{result}`. */
  readonly onAttempt?: (result: AttemptResult) => void;
}

export type AttemptResult = "committed" | "conflict" | "lost-reply" | "failed";

/** Attempts of one conditional write before it is given up. */
export const MAX_ATTEMPTS = 8;

const RETRY: Backoff = { baseMs: 50, maxMs: 2_000 };

interface Waiting {
  readonly apply: Change<unknown>;
  readonly resolve: (committed: Committed<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The client of `cluster.json`: optimistic concurrency over an object store (spec chapter 04).
 *
 * Drive it so: `open()` once, register (`registration.ts`), then `change(…)` from anywhere and `refresh()` on
 * news and every 30 s. One write is in flight at a time; changes that arrive meanwhile are applied and
 * committed together by the next one. It owns no timers; nothing runs when nobody calls.
 */
export class ClusterState {
  readonly #objects: StateObjects;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #self: Omit<Writer, "sequence">;
  readonly #onAttempt: (result: AttemptResult) => void;
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  #snapshot: Snapshot | undefined;
  #sequence = 0;
  #queue: Waiting[] = [];
  #flushing = false;

  constructor(options: ClusterStateOptions) {
    this.#objects = new StateObjects(options.store, options.maxInlinePartitions);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#self = { schedulerId: options.schedulerId, instanceId: options.instanceId };
    this.#onAttempt = options.onAttempt ?? (() => {});
  }

  get schedulerId(): string {
    return this.#self.schedulerId;
  }

  get instanceId(): string {
    return this.#self.instanceId;
  }

  get store(): ObjectStore {
    return this.#objects.store;
  }

  /** Where the document is, for messages. */
  get path(): string {
    return this.#objects.path;
  }

  get isOpen(): boolean {
    return this.#snapshot !== undefined;
  }

  /** The newest document that this process knows. Throws before {@link open}. */
  get snapshot(): Snapshot {
    if (this.#snapshot === undefined) throw new Error("ClusterState is not open");
    return this.#snapshot;
  }

  get document(): ClusterDocument {
    return this.snapshot.document;
  }

  /** Is this process the registered instance of its id, as far as it knows? */
  get registered(): boolean {
    return isRegistered(this.document, this.#self);
  }

  /** Hear of every newer document. Returns a function that ends it. */
  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Read the document, or create it when there is none (a loser of the race reads the winner's). The only place
   * that creates it. Throws {@link MissingDocumentError} where other objects show that there was one; errors of the
   * store and of the document pass through.
   */
  async open(signal?: AbortSignal): Promise<Snapshot> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const found = await this.#objects.read(undefined, signal);
        if (found !== undefined && found !== "not-modified") return this.#accept(found);
        if (attempt > MAX_ATTEMPTS) throw new ConcurrentModificationError(this.path, MAX_ATTEMPTS);
        // A creator that was faster writes the document before anything else: its leftovers are no sign of a loss.
        const leftover = await this.#objects.leftover(signal);
        if (leftover !== undefined) {
          const again = await this.#objects.read(undefined, signal);
          if (again === undefined || again === "not-modified") throw this.#objects.missing(leftover);
          return this.#accept(again);
        }
        const first = newDocument(this.#random.uuid(), this.#clock.wallMs());
        const { outcome } = await this.#objects.write(first, { kind: "absent" }, signal);
        if (outcome.kind === "conflict") await this.#pause(attempt, signal);
      } catch (error) {
        if (!isTransient(error) || attempt >= MAX_ATTEMPTS) throw error;
        await this.#pause(attempt, signal);
      }
    }
  }

  /**
   * Read the document if it changed; one bodiless request when it did not. Throws {@link MissingDocumentError} when
   * it vanished, {@link ForeignDocumentError} when another cluster's is in its place, {@link RestoredDocumentError}
   * when an older version of it is.
   */
  async refresh(signal?: AbortSignal): Promise<Snapshot> {
    // What is read from here on is at least as new as what is known now.
    const before = this.snapshot;
    const found = await this.#objects.read(before.etag, signal);
    if (found === undefined) throw this.#objects.missing();
    if (found === "not-modified" || found.etag === before.etag) return this.snapshot;
    const { cluster_id: cluster, revision } = before.document;
    if (found.document.cluster_id !== cluster) return this.#accept(found);
    const later = found.document.revision > revision;
    // The same bytes were put back: they may have another ETag now.
    if (
      !(later ? continues(before.document, found.document) : isSameDocument(found.document, before.document))
    )
      throw new RestoredDocumentError(this.path, revision, found.document.revision);
    if (later) return this.#accept(found);
    if (this.#snapshot === before) this.#snapshot = { ...before, etag: found.etag };
    return this.snapshot;
  }

  /**
   * Commit a change. It is applied to the newest document, again after each lost race, at most 8 times; then
   * {@link ConcurrentModificationError}. When it finds nothing to change on a document that was just read, nothing
   * is written. Throws what the change throws, {@link NotRegisteredError} when this process lost its registration,
   * {@link UnknownCommitError} when it cannot be known whether the write happened.
   */
  change<T>(apply: Change<T>): Promise<Committed<T>> {
    const { promise, resolve, reject } = Promise.withResolvers<Committed<unknown>>();
    this.#queue.push({ apply, resolve, reject });
    void this.#flush();
    return promise as Promise<Committed<T>>;
  }

  async #flush(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    // Changes of the same turn go into the same write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#commit(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#flushing = false;
  }

  /** Settles every entry of the batch, or throws the error that all of them fail with. */
  async #commit(all: readonly Waiting[]): Promise<void> {
    this.#sequence += 1;
    const writer: Writer = { ...this.#self, sequence: this.#sequence };
    const wasOurs = this.registered;
    let batch = all;
    let results: readonly unknown[] = [];
    let base = this.snapshot;
    let fresh = false;
    // Once a write was sent whose fate is unknown, only the document can tell.
    let sent: "nothing" | "lost-race" | "unknown" = "nothing";
    let failure: unknown;
    for (let attempt = 1; ; attempt += 1) {
      if (attempt > 1) {
        if (attempt <= MAX_ATTEMPTS) await this.#pause(attempt - 1);
        try {
          base = await this.refresh();
          fresh = true;
        } catch (error) {
          if (!isTransient(error)) throw error;
          if (attempt > MAX_ATTEMPTS) {
            throw sent === "unknown" ? new UnknownCommitError(this.path, error) : error;
          }
          failure = error;
          continue;
        }
        if (sent !== "nothing") {
          const verdict = readBack(base.document, writer, wasOurs, results.length > 0);
          if (verdict === "committed") {
            this.#onAttempt("lost-reply");
            settle(batch, results, base);
            return;
          }
          if (verdict === "unregistered") {
            throw sent === "unknown"
              ? new UnknownCommitError(this.path, new NotRegisteredError(this.schedulerId))
              : new NotRegisteredError(this.schedulerId);
          }
        }
        if (attempt > MAX_ATTEMPTS) {
          throw failure ?? new ConcurrentModificationError(this.path, MAX_ATTEMPTS);
        }
      }
      let applied = applyAll(base.document, batch);
      if (applied.document === base.document && !fresh) {
        // "Nothing to do" on a document from memory may be out of date.
        base = await this.refresh();
        fresh = true;
        applied = applyAll(base.document, batch);
      }
      batch = applied.batch;
      results = applied.results;
      if (applied.document === base.document) {
        settle(batch, results, base);
        return;
      }
      const next = seal(base.document, applied.document, writer, this.#clock.wallMs());
      if (!isRegistered(next, writer) && !isRegistered(base.document, writer)) {
        throw new NotRegisteredError(this.schedulerId);
      }
      try {
        const { outcome, rootBytes } = await this.#objects.write(
          next,
          { kind: "match", etag: base.etag },
          undefined,
        );
        switch (outcome.kind) {
          case "written": {
            this.#onAttempt("committed");
            const snapshot = this.#accept({ document: next, etag: outcome.etag, rootBytes });
            settle(batch, results, snapshot);
            return;
          }
          case "missing":
            throw this.#objects.missing();
          case "precondition-failed":
            // Somebody's write was first; it may be an earlier one of our own.
            this.#onAttempt("conflict");
            if (sent === "nothing") sent = "lost-race";
            failure = undefined;
            break;
          case "conflict":
            this.#onAttempt("conflict");
            failure = undefined;
            break;
          default:
            outcome satisfies never;
        }
      } catch (error) {
        if (!isTransient(error)) throw error;
        this.#onAttempt("failed");
        if (error instanceof AmbiguousWriteError) sent = "unknown";
        failure = error;
      }
    }
  }

  #accept(snapshot: Snapshot): Snapshot {
    const known = this.#snapshot;
    if (known !== undefined) {
      // Another cluster's document in this place: ours vanished, and somebody started anew.
      const [own, found] = [known.document.cluster_id, snapshot.document.cluster_id];
      if (found !== own) throw new ForeignDocumentError(this.path, own, found);
      // Two reads may return out of order; a revision never goes back.
      if (snapshot.document.revision <= known.document.revision) return known;
    }
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener(snapshot);
    return snapshot;
  }

  #pause(retry: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(backoffMs(retry, RETRY, this.#random.next()), signal);
  }
}

function isSameDocument(one: ClusterDocument, other: ClusterDocument): boolean {
  return (
    one.revision === other.revision &&
    Buffer.compare(printDocument(one).root, printDocument(other).root) === 0
  );
}

/** What a document that was read back says of our write. */
function readBack(
  document: ClusterDocument,
  writer: Writer,
  wasOurs: boolean,
  sent: boolean,
): "committed" | "not-committed" | "unregistered" {
  if (wasCommitted(document, writer)) return "committed";
  if (!sent || !wasOurs || isRegistered(document, writer)) return "not-committed";
  return "unregistered";
}

function applyAll(
  base: ClusterDocument,
  batch: readonly Waiting[],
): { document: ClusterDocument; batch: readonly Waiting[]; results: readonly unknown[] } {
  let document = base;
  const left: Waiting[] = [];
  const results: unknown[] = [];
  for (const entry of batch) {
    try {
      const applied = entry.apply(document);
      document = applied.document;
      left.push(entry);
      results.push(applied.result);
    } catch (error) {
      entry.reject(error);
    }
  }
  return { document, batch: left, results };
}

function settle(batch: readonly Waiting[], results: readonly unknown[], snapshot: Snapshot): void {
  batch.forEach((entry, i) => {
    entry.resolve({ snapshot, result: results[i] });
  });
}

function isTransient(error: unknown): boolean {
  return error instanceof AmbiguousWriteError || (error instanceof StoreError && error.retryable);
}
