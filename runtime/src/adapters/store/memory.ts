import {
  AmbiguousWriteError,
  type CallOptions,
  type ListedObject,
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  type StoredObject,
  StoreError,
} from "../../ports/object-store.ts";
import { checkKey, compareKeys } from "./keys.ts";

export type StoreOperation =
  | "get"
  | "get-if-changed"
  | "get-range"
  | "put"
  | "put-stream"
  | "list"
  | "delete";

/** What goes wrong with one call. Writes that are cut are ambiguous to the caller; reads merely fail. */
export type StoreFault =
  /** The request never arrived: nothing happened, and the caller cannot know. */
  | { readonly kind: "lost-request" }
  /** The request was carried out, the reply was lost. */
  | { readonly kind: "lost-reply" }
  /** Refused with a retryable error (503). */
  | { readonly kind: "unavailable" }
  /** A conditional write meets a concurrent one (409): nothing is written. On other calls it has no effect. */
  | { readonly kind: "conflict" };

/**
 * Called before every operation; may wait (latency, on the simulator's clock) and may name a fault for this call.
 * A rejection fails the call with that error before anything happened.
 */
export type FaultHook = (
  operation: StoreOperation,
  key: string,
  signal: AbortSignal | undefined,
) => StoreFault | undefined | Promise<StoreFault | undefined>;

export interface MemoryStoreOptions {
  readonly location?: string;
  readonly fault?: FaultHook;
  /** For `lastModifiedMs` of listings; 0 when absent. */
  readonly wallMs?: () => number;
}

/** The objects behind any number of {@link MemoryStore} views. ETags count up and never come back. */
export class MemoryObjects {
  readonly objects = new Map<string, { body: Uint8Array; etag: string; lastModifiedMs: number }>();
  #writes = 0;

  nextEtag(): string {
    this.#writes += 1;
    return `"m${this.#writes}"`;
  }
}

/**
 * An object store in memory, linearizable, with faults on demand: for unit tests and the simulator. Several stores
 * over one {@link MemoryObjects} act as the clients of several processes, each with its own faults.
 */
export class MemoryStore implements ObjectStore {
  readonly location: string;
  readonly #shared: MemoryObjects;
  readonly #fault: FaultHook | undefined;
  readonly #wallMs: () => number;
  #closed = false;

  constructor(shared: MemoryObjects = new MemoryObjects(), options: MemoryStoreOptions = {}) {
    this.#shared = shared;
    this.location = options.location ?? "memory:///";
    this.#fault = options.fault;
    this.#wallMs = options.wallMs ?? (() => 0);
  }

  get(key: string, options?: CallOptions): Promise<StoredObject | undefined> {
    return this.#read("get", key, options, () => this.#object(key));
  }

  getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined> {
    return this.#read("get-if-changed", key, options, () => {
      const found = this.#object(key);
      return found?.etag === etag ? "not-modified" : found;
    });
  }

  getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    return this.#read("get-range", key, options, () => this.#object(key)?.body.slice(start, start + length));
  }

  put(key: string, body: Uint8Array, condition: PutCondition, options?: CallOptions): Promise<PutOutcome> {
    return this.#write("put", key, body.slice(), condition, options);
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) {
      options?.signal?.throwIfAborted();
      parts.push(chunk.slice());
    }
    return this.#write("put-stream", key, Buffer.concat(parts), condition, options);
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject> {
    const found = await this.#read("list", prefix, options, () =>
      [...this.#shared.objects]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => compareKeys(a, b))
        .map(([key, o]) => ({ key, bytes: o.body.length, etag: o.etag, lastModifiedMs: o.lastModifiedMs })),
    );
    for (const object of found) {
      options?.signal?.throwIfAborted();
      yield object;
    }
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    await this.#read("delete", key, options, () => this.#shared.objects.delete(key));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #object(key: string): StoredObject | undefined {
    const found = this.#shared.objects.get(key);
    return found === undefined ? undefined : { body: found.body.slice(), etag: found.etag };
  }

  async #read<T>(
    operation: StoreOperation,
    key: string,
    options: CallOptions | undefined,
    act: () => T,
  ): Promise<T> {
    const fault = await this.#before(operation, key, options);
    const failed = (what: string) =>
      new StoreError(`${operation} ${this.location}${key}: ${what}`, { retryable: true });
    switch (fault?.kind) {
      case "unavailable":
        throw failed("503 Service Unavailable");
      case "lost-request":
        throw failed("the connection was lost");
      case "lost-reply":
        act();
        throw failed("the connection was lost");
      case "conflict":
      case undefined:
        return act();
    }
  }

  async #write(
    operation: "put" | "put-stream",
    key: string,
    body: Uint8Array,
    condition: PutCondition,
    options: CallOptions | undefined,
  ): Promise<PutOutcome> {
    const fault = await this.#before(operation, key, options);
    const lost = () => new AmbiguousWriteError(`${operation} ${this.location}${key}: the reply was lost`);
    switch (fault?.kind) {
      case "unavailable":
        throw new StoreError(`${operation} ${this.location}${key}: 503 Service Unavailable`, {
          retryable: true,
        });
      case "lost-request":
        throw lost();
      case "lost-reply":
        this.#commit(key, body, condition);
        throw lost();
      case "conflict":
        return condition.kind === "any" ? this.#commit(key, body, condition) : { kind: "conflict" };
      case undefined:
        return this.#commit(key, body, condition);
    }
  }

  #commit(key: string, body: Uint8Array, condition: PutCondition): PutOutcome {
    const current = this.#shared.objects.get(key);
    if (condition.kind === "absent" && current !== undefined) return { kind: "precondition-failed" };
    if (condition.kind === "match") {
      if (current === undefined) return { kind: "missing" };
      if (current.etag !== condition.etag) return { kind: "precondition-failed" };
    }
    const etag = this.#shared.nextEtag();
    this.#shared.objects.set(key, { body, etag, lastModifiedMs: this.#wallMs() });
    return { kind: "written", etag };
  }

  async #before(
    operation: StoreOperation,
    key: string,
    options: CallOptions | undefined,
  ): Promise<StoreFault | undefined> {
    if (operation !== "list") checkKey(key);
    options?.signal?.throwIfAborted();
    if (this.#closed) throw new StoreError(`The store ${this.location} is closed`, { retryable: false });
    // One turn of the event loop's queue, so that concurrent callers interleave as they do over a network.
    await Promise.resolve();
    const fault = await this.#fault?.(operation, key, options?.signal);
    options?.signal?.throwIfAborted();
    return fault;
  }
}
