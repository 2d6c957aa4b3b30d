import type { Clock } from "../../ports/clock.ts";
import {
  AmbiguousWriteError,
  type CallOptions,
  type ListedObject,
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  type StoredObject,
} from "../../ports/object-store.ts";

/** One finished call on a store. */
export interface StoreCall {
  readonly operation: "get" | "get_if_changed" | "get_range" | "put" | "put_stream" | "list" | "delete";
  readonly outcome:
    | "ok"
    /** There is no such object. */
    | "missing"
    | "not_modified"
    | "precondition_failed"
    | "conflict"
    | "ambiguous"
    | "aborted"
    | "error";
  /** Bytes of bodies read or written; for listings the number of objects. */
  readonly size: number;
  readonly durationMs: number;
}

/**
 * Tell `listener` of every finished call on `store`, for metrics and benchmarks. Calls, not HTTP requests: those,
 * with retries and pages, are told by the S3 store's own `onRequest`. A listing ends with its last object, or when
 * its reader stops.
 */
export function observed(
  store: ObjectStore,
  listener: (call: StoreCall) => void,
  clock: Pick<Clock, "monotonicMs">,
): ObjectStore {
  return new ObservedStore(store, listener, clock);
}

type Summary = Pick<StoreCall, "outcome" | "size">;

class ObservedStore implements ObjectStore {
  readonly location: string;
  readonly #store: ObjectStore;
  readonly #listener: (call: StoreCall) => void;
  readonly #clock: Pick<Clock, "monotonicMs">;

  constructor(store: ObjectStore, listener: (call: StoreCall) => void, clock: Pick<Clock, "monotonicMs">) {
    this.location = store.location;
    this.#store = store;
    this.#listener = listener;
    this.#clock = clock;
  }

  get(key: string, options?: CallOptions): Promise<StoredObject | undefined> {
    return this.#watch("get", options, () => this.#store.get(key, options), ofRead);
  }

  getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined> {
    return this.#watch(
      "get_if_changed",
      options,
      () => this.#store.getIfChanged(key, etag, options),
      (found) => (found === "not-modified" ? { outcome: "not_modified", size: 0 } : ofRead(found)),
    );
  }

  getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    return this.#watch(
      "get_range",
      options,
      () => this.#store.getRange(key, start, length, options),
      (bytes) => ofRead(bytes === undefined ? undefined : { body: bytes }),
    );
  }

  put(key: string, body: Uint8Array, condition: PutCondition, options?: CallOptions): Promise<PutOutcome> {
    return this.#watch(
      "put",
      options,
      () => this.#store.put(key, body, condition, options),
      (outcome) => ofWrite(outcome, body.length),
    );
  }

  putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    let size = 0;
    async function* counted(): AsyncIterable<Uint8Array> {
      for await (const chunk of chunks) {
        size += chunk.length;
        yield chunk;
      }
    }
    return this.#watch(
      "put_stream",
      options,
      () => this.#store.putStream(key, counted(), condition, options),
      (outcome) => ofWrite(outcome, size),
    );
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject> {
    const startedMs = this.#clock.monotonicMs();
    let summary: Summary = { outcome: "ok", size: 0 };
    try {
      for await (const object of this.#store.list(prefix, options)) {
        summary = { outcome: "ok", size: summary.size + 1 };
        yield object;
      }
    } catch (error) {
      summary = { ...ofFailure(error, options), size: summary.size };
      throw error;
    } finally {
      this.#tell("list", startedMs, summary);
    }
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#watch(
      "delete",
      options,
      () => this.#store.delete(key, options),
      () => ({ outcome: "ok", size: 0 }),
    );
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #watch<T>(
    operation: StoreCall["operation"],
    options: CallOptions | undefined,
    call: () => Promise<T>,
    summarise: (result: T) => Summary,
  ): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    let summary: Summary = { outcome: "error", size: 0 };
    try {
      const result = await call();
      summary = summarise(result);
      return result;
    } catch (error) {
      summary = ofFailure(error, options);
      throw error;
    } finally {
      this.#tell(operation, startedMs, summary);
    }
  }

  #tell(operation: StoreCall["operation"], startedMs: number, summary: Summary): void {
    this.#listener({ operation, ...summary, durationMs: this.#clock.monotonicMs() - startedMs });
  }
}

function ofRead(found: { readonly body: Uint8Array } | undefined): Summary {
  return found === undefined ? { outcome: "missing", size: 0 } : { outcome: "ok", size: found.body.length };
}

function ofWrite(outcome: PutOutcome, size: number): Summary {
  switch (outcome.kind) {
    case "written":
      return { outcome: "ok", size };
    case "precondition-failed":
      return { outcome: "precondition_failed", size: 0 };
    case "conflict":
    case "missing":
      return { outcome: outcome.kind, size: 0 };
  }
}

function ofFailure(error: unknown, options: CallOptions | undefined): Summary {
  if (error instanceof AmbiguousWriteError) return { outcome: "ambiguous", size: 0 };
  return { outcome: options?.signal?.aborted === true ? "aborted" : "error", size: 0 };
}
