import type { ListQuery, WatchQuery } from "../client/client.ts";
import { type KubeObject, type ObjectList, objectKey } from "../client/object.ts";
import { isGone, isVersionAhead, ProtocolError, StatusError } from "../client/status-error.ts";
import type { WatchEvent } from "../client/watch-event.ts";
import { type BackoffPolicy, backoffMs, connectionBackoff } from "../retry/backoff.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { Cache, type IndexFunction, type ReadCache } from "./cache.ts";
import { trimObject } from "./trim-object.ts";

/** Where objects come from: a client bound to a type. Both reject when the signal aborts, as do the events. */
export interface ObjectSource<T extends KubeObject> {
  list(query: ListQuery, signal: AbortSignal): Promise<ObjectList<T>>;
  watch(query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchEvent<T>>>;
}

/** How the cache has changed. An object that was replaced by another of its name is deleted, then added. */
export type Change<T extends KubeObject> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "updated"; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly object: T };

/**
 * Why a watch begins again: the server closed it in good order, as it does every few minutes; its version is gone, so that
 * everything is listed anew; it was silent for too long; it broke, was refused or told nonsense.
 */
export type WatchEnd = "closed" | "expired" | "idle" | "failed";

/** What an observer of a reflector is told; methods must not throw. */
export interface ReflectorMetrics {
  listed?(objects: number): void;
  watchStarted?(): void;
  /** Events that were older than what the cache knew. */
  staleEvent?(): void;
  /** A watch ended, and the next begins. */
  watchEnded?(why: WatchEnd): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly source: ObjectSource<T>;
  readonly clock: Clock;
  readonly random: Random;
  /** Narrows what is listed and watched. */
  readonly query?: Pick<ListQuery, "namespace" | "labelSelector" | "fieldSelector">;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** What of an object is kept. Default: all but managed fields and kubectl's last applied configuration. */
  readonly trim?: (object: T) => T;
  /** Called after the cache has changed: enqueues a key, does no work. */
  readonly onChange?: (change: Change<T>) => void;
  /** Told of every failure; the reflector goes on by itself. */
  readonly onError?: (error: unknown) => void;
  readonly metrics?: ReflectorMetrics;
  readonly backoff?: BackoffPolicy;
  /** Objects per page of a list. Default 500. */
  readonly pageSize?: number;
  /** A watch without event or bookmark (one a minute) for this long is dead. Default 150 s. */
  readonly idleMs?: number;
}

/** A watch that ends sooner, without any event, counts as a failure: else an odd proxy makes a hot loop. */
const shortWatchMs = 1000;

/**
 * Keeps a cache equal to what the API server holds.
 *
 * ```
 *           pages, then synthetic deletes              events, bookmarks
 *   ┌──▶ LIST ───────────────────────────▶ WATCH from version ◀──┐
 *   │      │ failed: back off                │ ended, broken, idle │ back off unless it had lived
 *   │◀─────┘                                 ├──────────────────────┘
 *   └────────── 410, nonsense, version unknown ┘
 * ```
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #cache: Cache<T>;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #failures = 0;
  /** Version up to which the cache is current. */
  #version: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#cache = new Cache(options.indexes);
  }

  get cache(): ReadCache<T> {
    return this.#cache;
  }

  /** Whether the cache has been complete once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the cache is complete for the first time; rejects with the signal's reason. */
  async synced(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#synced.promise, promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Runs until `signal` aborts. Never throws: failures go to `onError` and are retried for ever. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, metrics, backoff = connectionBackoff } = this.#options;
    while (!signal.aborted) {
      let watching = false;
      try {
        if (this.#version === undefined) this.#version = await this.#relist(signal);
        watching = true;
        await this.#watch(this.#version, signal);
        this.#failures = 0;
        if (!signal.aborted) metrics?.watchEnded?.("closed");
      } catch (error) {
        if (signal.aborted) return;
        if (watching) metrics?.watchEnded?.(endOf(error));
        if (hasExpired(error) || error instanceof ProtocolError) this.#version = undefined;
        this.#report(error);
        const ms = backoffMs(backoff, this.#failures++, random);
        await clock.sleep(ms, signal).catch(() => {}); // Aborted: the loop ends.
      }
    }
  }

  /** Reads all pages, then makes the cache equal to them. Answers the version of the list. */
  async #relist(signal: AbortSignal): Promise<string> {
    const { source, query = {}, pageSize = 500 } = this.#options;
    const items: T[] = [];
    let page = await source.list({ ...query, limit: pageSize }, signal);
    items.push(...page.items.map((item) => this.#trim(item)));
    while (page.metadata.continue) {
      try {
        page = await source.list({ ...query, limit: pageSize, continue: page.metadata.continue }, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
        // The snapshot expired between pages: too slow for pages, so all at once.
        items.length = 0;
        page = await source.list({ ...query }, signal);
      }
      items.push(...page.items.map((item) => this.#trim(item)));
    }
    const { resourceVersion } = page.metadata;
    if (!resourceVersion) throw new ProtocolError("a list came without a resource version");
    const listed = new Set(items.map(objectKey));
    for (const key of [...this.#cache.keys()]) if (!listed.has(key)) this.#remove(key);
    for (const item of items) this.#put(item);
    this.#options.metrics?.listed?.(items.length);
    this.#hasSynced = true;
    this.#synced.resolve();
    return resourceVersion;
  }

  /** Follows one watch to its end. Throws unless it ended in good order after some life. */
  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { source, clock, random, query = {}, metrics, idleMs = 150_000 } = this.#options;
    const startedAt = clock.monotonicMs();
    let lastEventAt = startedAt;
    let events = 0;
    const end = new AbortController();
    const onAbort = () => end.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const watchdog = this.#endWhenIdle(end, idleMs, () => lastEventAt);
    try {
      const timeoutSeconds = 290 + Math.floor(random.next() * 290);
      const watch = { ...query, resourceVersion: from, timeoutSeconds };
      const stream = await source.watch(watch, end.signal);
      metrics?.watchStarted?.();
      for await (const event of stream) {
        if (end.signal.aborted) throw end.signal.reason;
        lastEventAt = clock.monotonicMs();
        events += 1;
        this.#failures = 0;
        this.#apply(event);
      }
    } finally {
      end.abort(new Error("the watch has ended"));
      signal.removeEventListener("abort", onAbort);
      await watchdog;
    }
    if (events === 0 && clock.monotonicMs() - startedAt < shortWatchMs) {
      throw new ProtocolError("a watch ended at once and without an event");
    }
  }

  async #endWhenIdle(end: AbortController, idleMs: number, lastEventAt: () => number): Promise<void> {
    const { clock } = this.#options;
    try {
      for (;;) {
        const left = lastEventAt() + idleMs - clock.monotonicMs();
        if (left <= 0) break;
        await clock.sleep(left, end.signal);
      }
    } catch {
      return; // The watch ended first.
    }
    end.abort(new WatchIdleError(`the watch was silent for ${idleMs} ms`));
  }

  #apply(event: WatchEvent<T>): void {
    switch (event.type) {
      case "ERROR":
        throw new StatusError(event.status.code ?? 500, event.status, "watch");
      case "BOOKMARK":
        if (!this.#isStale(event.resourceVersion)) this.#version = event.resourceVersion;
        return;
      case "ADDED":
      case "MODIFIED":
      case "DELETED": {
        const version = event.object.metadata.resourceVersion ?? "";
        if (this.#isStale(version)) {
          this.#options.metrics?.staleEvent?.();
          return;
        }
        if (event.type === "DELETED") this.#remove(objectKey(event.object), this.#trim(event.object));
        else this.#put(this.#trim(event.object));
        this.#version = version;
        return;
      }
      default:
        event satisfies never;
    }
  }

  /** Whether the cache is as new as `version` already. Versions that are no numbers are never compared. */
  #isStale(version: string): boolean {
    const present = this.#version;
    if (present === undefined || !isDecimal(version) || !isDecimal(present)) return false;
    return version.length === present.length ? version <= present : version.length < present.length;
  }

  #put(object: T): void {
    const previous = this.#cache.get(objectKey(object));
    const { uid, resourceVersion } = object.metadata;
    if (previous !== undefined && previous.metadata.uid !== uid) {
      this.#remove(objectKey(object));
      this.#put(object);
      return;
    }
    if (previous !== undefined && previous.metadata.resourceVersion === resourceVersion) return;
    this.#cache.set(object);
    this.#tell(previous === undefined ? { type: "added", object } : { type: "updated", object, previous });
  }

  #remove(key: string, last?: T): void {
    const present = this.#cache.get(key);
    if (present === undefined) return;
    this.#cache.delete(key);
    this.#tell({ type: "deleted", object: last ?? present });
  }

  #trim(object: T): T {
    return (this.#options.trim ?? trimObject)(object);
  }

  #tell(change: Change<T>): void {
    try {
      this.#options.onChange?.(change);
    } catch (error) {
      this.#report(error); // A handler's mistake must not end the watch.
    }
  }

  #report(error: unknown): void {
    this.#options.onError?.(error);
  }
}

class WatchIdleError extends Error {
  override readonly name = "WatchIdleError";
}

function hasExpired(error: unknown): boolean {
  return isGone(error) || isVersionAhead(error);
}

function endOf(error: unknown): WatchEnd {
  if (hasExpired(error)) return "expired";
  return error instanceof WatchIdleError ? "idle" : "failed";
}

function isDecimal(version: string): boolean {
  return /^[1-9]\d*$/.test(version);
}
