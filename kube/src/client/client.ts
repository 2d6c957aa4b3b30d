import type { TokenBucket } from "../retry/token-bucket.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { withDeadline } from "../time/with-deadline.ts";
import { jsonLines } from "./json-lines.ts";
import type { KubeObject, ObjectList } from "./object.ts";
import { type ResourceType, resourcePath, type Target } from "./resource-type.ts";
import { ProtocolError, type Status, StatusError } from "./status-error.ts";
import type { Transport, TransportResponse } from "./transport.ts";
import { toWatchEvent, type WatchEvent } from "./watch-event.ts";

export interface ClientOptions {
  readonly transport: Pick<Transport, "request" | "invalidateCredentials">;
  readonly clock: Clock;
  readonly random: Random;
  /** Bounds requests per second. A leader election gets a client of its own without one (same transport). */
  readonly limiter?: TokenBucket;
  readonly userAgent?: string;
  /** For a request with all its attempts, or until a watch begins. Default 30 s. */
  readonly timeoutMs?: number;
  /** Told of every attempt that was answered or failed (code 0): for metrics. */
  readonly onRequest?: (request: { method: string; path: string; code: number; ms: number }) => void;
}

export interface ListQuery {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface WatchQuery extends Omit<ListQuery, "limit" | "continue"> {
  /** After this time the server ends the watch. */
  readonly timeoutSeconds?: number;
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** Body of a patch; its format is told apart by the content type. */
export type Patch =
  | { readonly type: "merge"; readonly body: unknown }
  | { readonly type: "json"; readonly body: readonly unknown[] }
  | { readonly type: "strategic"; readonly body: unknown };

export interface DeleteOptions {
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
  /** Delete only this very object. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly signal?: AbortSignal;
}

const patchTypes = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  // Canonical JSON is YAML, and every server that has server-side apply takes it under this name.
  apply: "application/apply-patch+yaml",
} as const;

/** Attempts of a request that the server asks to send again. */
const attempts = 5;

/**
 * The API of a cluster as JSON goes over the wire: no field is dropped, no time converted.
 *
 * Every method throws a {@link StatusError} when the server refuses, a `ConnectionError` when no answer came
 * (a write may have happened then), a `DeadlineError` after the time-out, or the signal's reason. What the
 * server did not carry out and asks to send again (429, 5xx with Retry-After) is sent again, up to five times.
 */
export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get<T extends KubeObject>(type: ResourceType, target: Target, signal?: AbortSignal): Promise<T> {
    return this.getPath<T>(resourcePath(type, target), signal);
  }

  /** Reads any path of the API server, such as `/version`. */
  getPath<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#json<T>("GET", path, undefined, signal);
  }

  /**
   * Reads a path that answers with text, such as a pod's log or what a node behind the API server's proxy says. What
   * goes on beyond `limit` characters (1 MiB) is left unread.
   */
  async getText(
    path: string,
    options: { limit?: number; signal?: AbortSignal } = {},
  ): Promise<{ readonly text: string; readonly truncated: boolean }> {
    const { limit = 2 ** 20, signal } = options;
    return await withDeadline(this.#clock, this.#timeoutMs, signal, async (all) => {
      const stop = new AbortController();
      const response = await this.#send("GET", path, undefined, AbortSignal.any([all, stop.signal]), "*/*");
      let text = "";
      for await (const part of response.text) {
        text += part;
        if (text.length > limit) {
          stop.abort(new Error("enough was read"));
          return { text: text.slice(0, limit), truncated: true };
        }
      }
      return { text, truncated: false };
    });
  }

  list<T extends KubeObject>(
    type: ResourceType,
    query: ListQuery = {},
    signal?: AbortSignal,
  ): Promise<ObjectList<T>> {
    return this.#json("GET", collection(type, query), undefined, signal);
  }

  create<T extends KubeObject>(type: ResourceType, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const path = resourcePath(type, { ...(namespace === undefined ? {} : { namespace }) });
    return this.#json("POST", path + write(options), json(object), options.signal);
  }

  /** Replaces an object; fails with a conflict unless its `resourceVersion` is current. */
  replace<T extends KubeObject>(
    type: ResourceType,
    object: T,
    options: WriteOptions & { subresource?: string } = {},
  ): Promise<T> {
    const path = resourcePath(type, targetOf(object, options.subresource));
    return this.#json("PUT", path + write(options), json(object), options.signal);
  }

  patch<T extends KubeObject>(
    type: ResourceType,
    target: Target,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const body = { type: patchTypes[patch.type], text: JSON.stringify(patch.body) };
    return this.#json("PATCH", resourcePath(type, target) + write(options), body, options.signal);
  }

  /** Server-side apply. With `force`, fields that others manage are taken over. */
  apply<T extends KubeObject>(
    type: ResourceType,
    object: T,
    options: WriteOptions & { fieldManager: string; force?: boolean; subresource?: string },
  ): Promise<T> {
    const path = resourcePath(type, targetOf(object, options.subresource));
    const body = { type: patchTypes.apply, text: JSON.stringify(object) };
    const force: Record<string, string> = options.force === true ? { force: "true" } : {};
    return this.#json("PATCH", path + write(options, force), body, options.signal);
  }

  async delete(type: ResourceType, target: Target, options: DeleteOptions = {}): Promise<void> {
    const { signal, ...body } = options;
    const document = { kind: "DeleteOptions", apiVersion: "v1", ...body };
    await this.#json("DELETE", resourcePath(type, target), json(document), signal);
  }

  /**
   * Opens a watch with bookmarks. The events end when the server closes the watch in good order; they throw a
   * `ConnectionError` when it breaks, a `ProtocolError` for what is no event, or the signal's reason.
   */
  async watch<T extends KubeObject>(
    type: ResourceType,
    query: WatchQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<WatchEvent<T>>> {
    const asked = { ...query, watch: true, allowWatchBookmarks: true };
    const path = collection(type, asked);
    const head = new AbortController();
    const whole = AbortSignal.any([signal, head.signal]);
    const response = await withDeadline(this.#clock, this.#timeoutMs, signal, (deadline) => {
      deadline.addEventListener("abort", () => head.abort(deadline.reason), { once: true });
      return this.#send("GET", path, undefined, whole);
    });
    return events<T>(response);
  }

  async #json<T>(
    method: string,
    path: string,
    body: { type: string; text: string } | undefined,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return await withDeadline(this.#clock, this.#timeoutMs, signal, async (all) => {
      const response = await this.#send(method, path, body, all);
      const text = await readAll(response.text);
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw new ProtocolError(`${method} ${path}: the answer is no JSON`, { cause });
      }
    });
  }

  async #send(
    method: string,
    path: string,
    body: { type: string; text: string } | undefined,
    signal: AbortSignal,
    accept = "application/json",
  ): Promise<TransportResponse> {
    let refreshed = false;
    for (let attempt = 1; ; attempt++) {
      await this.#options.limiter?.take(signal);
      const response = await this.#attempt(method, path, body, signal, accept);
      if (response.code < 300) return response;
      const error = await statusError(response, `${method} ${path}`);
      if (error.code === 401 && !refreshed) {
        refreshed = true;
        this.#options.transport.invalidateCredentials();
        continue;
      }
      const wait = retryAfterMs(response, error);
      if (wait === undefined || attempt >= attempts) throw error;
      await this.#clock.sleep(wait * (1 + this.#options.random.next() / 2), signal);
    }
  }

  async #attempt(
    method: string,
    path: string,
    body: { type: string; text: string } | undefined,
    signal: AbortSignal,
    accept: string,
  ): Promise<TransportResponse> {
    const startedAt = this.#clock.monotonicMs();
    let code = 0;
    try {
      const response = await this.#options.transport.request({
        method,
        path,
        headers: {
          accept,
          "user-agent": this.#options.userAgent ?? "kube",
          ...(body === undefined ? {} : { "content-type": body.type }),
        },
        ...(body === undefined ? {} : { body: body.text }),
        signal,
      });
      code = response.code;
      return response;
    } finally {
      this.#options.onRequest?.({ method, path, code, ms: this.#clock.monotonicMs() - startedAt });
    }
  }

  get #clock(): Clock {
    return this.#options.clock;
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 30_000;
  }
}

async function* events<T extends KubeObject>(response: TransportResponse): AsyncGenerator<WatchEvent<T>> {
  for await (const document of jsonLines(response.text)) yield toWatchEvent<T>(document);
}

async function statusError(response: TransportResponse, request: string): Promise<StatusError> {
  const text = await readAll(response.text);
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    status = { message: text.slice(0, 500) || `HTTP status ${response.code}` }; // A proxy answers in prose.
  }
  return new StatusError(response.code, status, request);
}

/** How long to wait before sending again what the server did not carry out; `undefined`: do not. */
function retryAfterMs(response: TransportResponse, error: StatusError): number | undefined {
  const seconds = Number(response.headers["retry-after"]);
  const named = Number.isFinite(seconds) && seconds >= 0;
  if (error.code === 429) return (named ? seconds : 1) * 1000;
  return error.code >= 500 && named ? seconds * 1000 : undefined;
}

async function readAll(chunks: AsyncIterable<string>): Promise<string> {
  const parts: string[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts.join("");
}

function json(value: unknown): { type: string; text: string } {
  return { type: "application/json", text: JSON.stringify(value) };
}

function targetOf(object: KubeObject, subresource: string | undefined): Target {
  const { namespace, name } = object.metadata;
  if (name === undefined) throw new RangeError(`${object.kind} has no name`);
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function write(options: WriteOptions, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(more);
  if (options.fieldManager !== undefined) query.set("fieldManager", options.fieldManager);
  if (options.dryRun === true) query.set("dryRun", "All");
  return query.size === 0 ? "" : `?${query}`;
}

function collection(type: ResourceType, query: ListQuery): string {
  const { namespace, ...rest } = query;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) search.set(name, String(value));
  const path = resourcePath(type, { ...(namespace === undefined ? {} : { namespace }) });
  return search.size === 0 ? path : `${path}?${search}`;
}
