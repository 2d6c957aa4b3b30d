/**
 * The one small interface to object storage (spec chapter 04, Stores). Keys are relative to the store's root,
 * use `/` as separator and never start or end with one; `checkKey` of the adapters has the rules. ETags are opaque and
 * never come back for other contents.
 *
 * An aborted signal makes a call throw the signal's reason; a write that is in flight by then is ambiguous.
 */
export interface ObjectStore {
  /** Where this store is, for messages: `s3://bucket/prefix/`, `file:///dir/`. */
  readonly location: string;
  /** The whole object, or `undefined` when there is none. */
  get(key: string, options?: CallOptions): Promise<StoredObject | undefined>;
  /** As `get`, but `"not-modified"` without a body while the ETag is still `etag`. */
  getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined>;
  /** Bytes `[start, start + length)`, cut at the object's end; `undefined` when there is no object. */
  getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined>;
  /**
   * Write the whole object under a condition. Never retried transparently: a reply that is lost throws an
   * {@link AmbiguousWriteError}, and the caller reads back.
   */
  put(key: string, body: Uint8Array, condition: PutCondition, options?: CallOptions): Promise<PutOutcome>;
  /**
   * Write a large object from a stream with bounded memory; nothing is listed when it fails. `chunks` is closed in any
   * case, and its own error is thrown as it is; it must end by itself when the signal aborts while it waits for data.
   */
  putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome>;
  /** Every object whose key starts with `prefix`, in key order, over as many pages as there are. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject>;
  /** Delete the object; succeeds when there is none. */
  delete(key: string, options?: CallOptions): Promise<void>;
  /** Release sockets and handles. Safe to call twice. */
  close(): Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

/** `absent` is `If-None-Match: *`; `match` is `If-Match: <etag>`. */
export type PutCondition =
  | { readonly kind: "any" }
  | { readonly kind: "absent" }
  | { readonly kind: "match"; readonly etag: string };

export type PutOutcome =
  | { readonly kind: "written"; readonly etag: string }
  /** 412, or a create over an existing object: the condition was false; read again and decide anew. */
  | { readonly kind: "precondition-failed" }
  /** 409: a concurrent conditional request; nothing was written, the same request may be sent again. */
  | { readonly kind: "conflict" }
  /** 404 on `match`: there is no such object. */
  | { readonly kind: "missing" };

/** A request to the store failed: it was refused, or the store could not be reached. Nothing was written. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly retryable: boolean;
  constructor(message: string, options: { cause?: unknown; retryable: boolean }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** The reply to a write was lost: it may or may not have happened. */
export class AmbiguousWriteError extends StoreError {
  override readonly name = "AmbiguousWriteError";
  constructor(message: string, cause?: unknown) {
    super(message, { cause, retryable: false });
  }
}
