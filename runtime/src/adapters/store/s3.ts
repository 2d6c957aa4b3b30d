import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../ports/clock.ts";
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
import type { Random } from "../../ports/random.ts";
import { Deadline } from "./deadline.ts";
import { checkKey } from "./keys.ts";
import { defaultRetryPolicy, Retrier, type RetryPolicy } from "./retry.ts";
import { codeOf, repeatableFailure, statusOf, writeFailure } from "./s3-errors.ts";
import { cutIntoParts, type MultipartTarget, uploadParts } from "./s3-multipart.ts";
import type { S3Config } from "./s3-params.ts";

export interface S3StoreOptions {
  readonly clock: Pick<Clock, "sleep">;
  readonly random: Pick<Random, "next">;
  readonly retry?: RetryPolicy;
  /** Time for one request to be answered, without the time that its bytes take (at 128 bytes/ms). */
  readonly requestTimeoutMs?: number;
  /** Time for a connection to be set up. */
  readonly connectTimeoutMs?: number;
  /** Size of the parts of a large upload, and up to which size an upload is one request; at least 5 MiB. */
  readonly partBytes?: number;
  /** Parts of one upload in flight; one upload holds at most `partConcurrency + 2` parts in memory. */
  readonly partConcurrency?: number;
  /** Told of every request that goes out, retries and pages included. */
  readonly onRequest?: (request: S3Request) => void;
}

/** One HTTP request: `status` is absent when no reply came. */
export interface S3Request {
  readonly operation: "GET" | "PUT" | "LIST" | "DELETE" | "MULTIPART";
  readonly status: number | undefined;
}

const slowestBytesPerMs = 128;
/** A store may take long to put the parts of a large object together. */
const completeTimeoutMs = 180_000;

/**
 * An object store in S3 or a store with its API. Conditional writes are `If-None-Match: *` and `If-Match`, sent exactly
 * once; reads, listings, deletes and parts are retried. A write that the caller aborts while it is in flight is
 * ambiguous, too.
 */
export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #config: S3Config;
  readonly #client: S3Client;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #retrier: Retrier;
  readonly #timeoutMs: number;
  readonly #partBytes: number;
  readonly #partConcurrency: number;
  readonly #onRequest: (request: S3Request) => void;

  constructor(config: S3Config, options: S3StoreOptions) {
    this.location = `s3://${config.bucket}/${config.prefix}`;
    this.#config = config;
    this.#clock = options.clock;
    this.#retrier = new Retrier(options.clock, options.random, options.retry ?? defaultRetryPolicy);
    this.#timeoutMs = options.requestTimeoutMs ?? 10_000;
    this.#partBytes = options.partBytes ?? 8 * 2 ** 20;
    this.#partConcurrency = options.partConcurrency ?? 4;
    this.#onRequest = options.onRequest ?? (() => {});
    this.#client = new S3Client({
      region: config.region,
      // One attempt: a retry inside the SDK would meet its own write and report 412 for it.
      maxAttempts: 1,
      // Signatures cover the bodies; further checksums are what S3-compatible stores most often lack.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      // It would open a new connection for each body of 2 MB and more.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: options.connectTimeoutMs ?? 5_000,
        socketTimeout: Math.max(this.#timeoutMs, 30_000),
        httpAgent: { keepAlive: true, maxSockets: 128 },
        httpsAgent: { keepAlive: true, maxSockets: 128 },
      },
      ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint, forcePathStyle: true }),
      ...(config.credentials === undefined ? {} : { credentials: config.credentials }),
    });
  }

  get(key: string, options?: CallOptions): Promise<StoredObject | undefined> {
    return this.#get("get", key, {}, options);
  }

  async getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined> {
    try {
      return await this.#get("get", key, { IfNoneMatch: etag }, options);
    } catch (error) {
      if (error instanceof StoreError && statusOf(error.cause) === 304) return "not-modified";
      throw error;
    }
  }

  async getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    // HTTP has no empty range: ask for one byte, to learn whether the object is there.
    const last = start + Math.max(length, 1) - 1;
    try {
      const found = await this.#get("get range", key, { Range: `bytes=${start}-${last}` }, options);
      return found?.body.subarray(0, length);
    } catch (error) {
      if (error instanceof StoreError && statusOf(error.cause) === 416) return new Uint8Array(0);
      throw error;
    }
  }

  async put(
    key: string,
    body: Uint8Array,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    checkKey(key);
    return this.#writeOnce("PUT", key, body.length / slowestBytesPerMs, condition, options, (signal) =>
      this.#client.send(
        new PutObjectCommand({
          ...this.#object(key),
          Body: body,
          ContentLength: body.length,
          ...headersOf(condition),
        }),
        { abortSignal: signal },
      ),
    );
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    checkKey(key);
    options?.signal?.throwIfAborted();
    const parts = cutIntoParts(chunks, this.#partBytes);
    try {
      const first = await parts.next();
      const second = first.done === true ? first : await parts.next();
      if (first.done === true || second.done === true)
        return await this.put(key, first.value ?? new Uint8Array(0), condition, options);
      return await uploadParts([first.value, second.value], parts, {
        client: this.#client,
        clock: this.#clock,
        target: this.#object(key),
        concurrency: this.#partConcurrency,
        signal: options?.signal,
        repeat: (what, bytes, signal, send) => this.#repeat(what, "MULTIPART", key, bytes, signal, send),
        complete: (send) =>
          this.#writeOnce("MULTIPART", key, completeTimeoutMs, condition, options, (signal) =>
            send(headersOf(condition), signal),
          ),
      });
    } finally {
      await parts.return(undefined);
    }
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject> {
    const root = this.#config.prefix;
    let token: string | undefined;
    do {
      const continuation = token;
      const page = await this.#repeat("list", "LIST", prefix, 0, options?.signal, (signal) =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#config.bucket,
            Prefix: root + prefix,
            ContinuationToken: continuation,
          }),
          { abortSignal: signal },
        ),
      );
      for (const object of page.Contents ?? []) {
        // Folder markers that other tools leave are no objects of ours.
        if (object.Key === undefined || object.Key.endsWith("/")) continue;
        options?.signal?.throwIfAborted();
        yield {
          key: object.Key.slice(root.length),
          bytes: object.Size ?? 0,
          etag: object.ETag ?? "",
          lastModifiedMs: object.LastModified?.getTime() ?? 0,
        };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      if (page.IsTruncated === true && (token === undefined || token === continuation))
        throw new StoreError(`list ${this.location}${prefix}: the listing does not go on after a full page`, {
          retryable: false,
        });
    } while (token !== undefined);
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    checkKey(key);
    await this.#repeat("delete", "DELETE", key, 0, options?.signal, (signal) =>
      this.#client.send(new DeleteObjectCommand(this.#object(key)), { abortSignal: signal }),
    );
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #object(key: string): MultipartTarget {
    return { Bucket: this.#config.bucket, Key: this.#config.prefix + key };
  }

  async #get(
    what: string,
    key: string,
    input: Partial<GetObjectCommandInput>,
    options: CallOptions | undefined,
  ): Promise<StoredObject | undefined> {
    checkKey(key);
    try {
      return await this.#repeat(what, "GET", key, 0, options?.signal, async (signal, deadline) => {
        const reply = await this.#client.send(new GetObjectCommand({ ...this.#object(key), ...input }), {
          abortSignal: signal,
        });
        deadline.restart(this.#timeoutMs + (reply.ContentLength ?? 0) / slowestBytesPerMs);
        const body = (await reply.Body?.transformToByteArray()) ?? new Uint8Array(0);
        if (reply.ContentLength !== undefined && body.length !== reply.ContentLength)
          throw new Error(`${body.length} of ${reply.ContentLength} bytes arrived`);
        return { body: this.#cut(input.Range, reply.ContentRange, body), etag: reply.ETag ?? "" };
      });
    } catch (error) {
      if (error instanceof StoreError && statusOf(error.cause) === 404 && codeOf(error.cause) === "NoSuchKey")
        return undefined;
      throw error;
    }
  }

  /** A server may answer a range request with the whole object. */
  #cut(asked: string | undefined, got: string | undefined, body: Uint8Array): Uint8Array {
    const range = asked === undefined ? null : /^bytes=(\d+)-(\d+)$/.exec(asked);
    if (range === null || got !== undefined) return body;
    return body.subarray(Number(range[1]), Number(range[2]) + 1);
  }

  /** Send what may be sent again, until it succeeds or the retries are spent. */
  #repeat<T>(
    what: string,
    operation: S3Request["operation"],
    key: string,
    bytes: number,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    return this.#retrier.run(async () => {
      const deadline = new Deadline(this.#timeoutMs + bytes / slowestBytesPerMs, signal);
      try {
        const result = await send(deadline.signal, deadline);
        this.#onRequest({ operation, status: 200 });
        return result;
      } catch (error) {
        this.#onRequest({ operation, status: statusOf(error) });
        signal?.throwIfAborted();
        throw repeatableFailure(
          `${what} ${this.location}${key}`,
          deadline.expired ? deadline.signal.reason : error,
        );
      } finally {
        deadline.end();
      }
    }, signal);
  }

  /** Send a write exactly once and tell what became of it. */
  async #writeOnce(
    operation: S3Request["operation"],
    key: string,
    extraMs: number,
    condition: PutCondition,
    options: CallOptions | undefined,
    send: (signal: AbortSignal) => Promise<{ ETag?: string | undefined }>,
  ): Promise<PutOutcome> {
    options?.signal?.throwIfAborted();
    const what = `put ${this.location}${key}`;
    const deadline = new Deadline(this.#timeoutMs + extraMs, options?.signal);
    try {
      const reply = await send(deadline.signal);
      this.#onRequest({ operation, status: 200 });
      if (reply.ETag === undefined)
        throw new AmbiguousWriteError(`${what}: the store answered without an ETag`);
      return { kind: "written", etag: reply.ETag };
    } catch (error) {
      if (error instanceof AmbiguousWriteError) throw error;
      const status = statusOf(error);
      this.#onRequest({ operation, status });
      // A reply counts even when the time ran out just then.
      const noReply = status === undefined && deadline.signal.aborted;
      return writeFailure(what, noReply ? deadline.signal.reason : error, condition);
    } finally {
      deadline.end();
    }
  }
}

function headersOf(condition: PutCondition): { IfNoneMatch?: string; IfMatch?: string } {
  switch (condition.kind) {
    case "any":
      return {};
    case "absent":
      return { IfNoneMatch: "*" };
    case "match":
      return { IfMatch: condition.etag };
  }
}
