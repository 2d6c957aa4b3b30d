import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../ports/clock.ts";
import { type PutOutcome, StoreError } from "../../ports/object-store.ts";

export interface MultipartTarget {
  readonly Bucket: string;
  readonly Key: string;
}

export interface MultipartOptions {
  readonly client: S3Client;
  readonly clock: Pick<Clock, "sleep">;
  readonly target: MultipartTarget;
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  /** Sends a request that may be sent again; rejects with a {@link StoreError}. */
  readonly repeat: <T>(
    what: string,
    bytes: number,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<T>,
  ) => Promise<T>;
  /** Sends the request that makes the object, once, under the caller's condition. */
  readonly complete: (
    send: (
      headers: { IfNoneMatch?: string; IfMatch?: string },
      signal: AbortSignal,
    ) => Promise<{ ETag?: string | undefined }>,
  ) => Promise<PutOutcome>;
}

const maxParts = 10_000;
/** Pauses in milliseconds before each request that gives up an upload whose parts may have been in flight. */
const pausesAfterCut = [0, 100, 400];

/**
 * Upload an object in parts, several at a time. Unless it ends with `written`, the upload is aborted, so that the
 * store keeps none of its parts; the first failure cancels the other parts in flight.
 */
export async function uploadParts(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
  options: MultipartOptions,
): Promise<PutOutcome> {
  const { client, target } = options;
  const created = await options.repeat("start upload", 0, options.signal, (signal) =>
    client.send(new CreateMultipartUploadCommand(target), { abortSignal: signal }),
  );
  if (created.UploadId === undefined)
    throw new StoreError(`start upload s3://${target.Bucket}/${target.Key}: the store gave no upload id`, {
      retryable: false,
    });
  const upload = { ...target, UploadId: created.UploadId };
  let outcome: PutOutcome;
  try {
    const etags = await sendParts(first, rest, upload, options);
    outcome = await options.complete((headers, signal) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          ...headers,
          MultipartUpload: { Parts: etags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) },
        }),
        { abortSignal: signal },
      ),
    );
  } catch (error) {
    await abort(upload, options, pausesAfterCut);
    throw error;
  }
  if (outcome.kind !== "written") await abort(upload, options, [0]);
  return outcome;
}

async function sendParts(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
  upload: MultipartTarget & { UploadId: string },
  options: MultipartOptions,
): Promise<string[]> {
  const etags: string[] = [];
  const inFlight = new Set<Promise<void>>();
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  let failure: { error: unknown } | undefined;
  const send = async (body: Uint8Array, number: number): Promise<void> => {
    try {
      const reply = await options.repeat(`put part ${number} of`, body.length, signal, (s) =>
        options.client.send(
          new UploadPartCommand({ ...upload, PartNumber: number, Body: body, ContentLength: body.length }),
          { abortSignal: s },
        ),
      );
      etags[number - 1] = reply.ETag ?? "";
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    }
  };
  try {
    let number = 0;
    for await (const body of concat(first, rest)) {
      signal.throwIfAborted();
      number += 1;
      if (number > maxParts)
        throw new StoreError(`put s3://${upload.Bucket}/${upload.Key}: more than ${maxParts} parts`, {
          retryable: false,
        });
      const sent: Promise<void> = send(body, number).finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= options.concurrency) await Promise.race(inFlight);
    }
  } catch (error) {
    failure ??= { error };
    stop.abort(error);
  }
  await Promise.all(inFlight);
  if (failure !== undefined) throw failure.error;
  return etags;
}

/**
 * Give the parts up, again until the store does not know the upload any more: a part that it was still writing when
 * its request was cut may come after the first time. The caller's signal does not count: an upload that was called
 * off must go, too. When even the retries fail, what became of the object is still what the caller has to know: parts
 * of a store that cannot be reached are left to its own expiry rule, and the failed requests were reported as such.
 */
async function abort(
  upload: MultipartTarget & { UploadId: string },
  options: MultipartOptions,
  pausesMs: readonly number[],
): Promise<void> {
  try {
    for (const pauseMs of pausesMs) {
      if (pauseMs > 0) await options.clock.sleep(pauseMs);
      await options.repeat("abort upload of", 0, undefined, (signal) =>
        options.client.send(new AbortMultipartUploadCommand(upload), { abortSignal: signal }),
      );
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}

/** Cut a stream into parts of exactly `partBytes`, the last one shorter; nothing for an empty stream. */
export async function* cutIntoParts(
  chunks: AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  let part: Buffer | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      part ??= Buffer.allocUnsafeSlow(partBytes);
      const taken = Math.min(chunk.length - at, partBytes - filled);
      part.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled === partBytes) {
        yield part;
        part = undefined;
        filled = 0;
      }
    }
  }
  if (part !== undefined) yield part.subarray(0, filled);
}

async function* concat(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  yield* first;
  yield* rest;
}
