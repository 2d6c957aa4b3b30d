import type { Client } from "../client/client.ts";
import type { KubeObject } from "../client/object.ts";
import type { ResourceType } from "../client/resource-type.ts";
import { isNotFound } from "../client/status-error.ts";
import { microTime } from "../lease/micro-time.ts";
import { TokenBucket } from "../retry/token-bucket.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { withDeadline } from "../time/with-deadline.ts";

export const eventType: ResourceType = {
  group: "events.k8s.io",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

/** Something that happened to an object and that its owner should see. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** One word from the caller's enumeration. */
  readonly reason: string;
  /** What was being done, one word. */
  readonly action: string;
  /** For people; cut after 1,024 characters. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly client: Pick<Client, "create" | "patch">;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of the controller, such as `example.com/operator`. */
  readonly controller: string;
  /** Name of this process. */
  readonly instance: string;
  /** Told of events that could not be written and of those dropped because too many waited. */
  readonly onError?: (error: unknown) => void;
  /** Time for which equal events are counted before they are written again. Default 10 s. */
  readonly flushMs?: number;
}

interface Series {
  readonly regarding: KubeObject;
  readonly event: EventNote;
  /** Name of the Event that was created, once it was. */
  name: string | undefined;
  count: number;
  /** Count that the server knows. */
  written: number;
  lastAt: number;
  lastWallMs: number;
}

/** Different notes for one object and reason beyond this count are summed up as one event. */
const distinctNotes = 10;
/** A series without news for this long is forgotten: the next event starts a new one. */
const forgetMs = 600_000;
const keptAtMost = 1000;
/** Writes per object: many at first, then one in five minutes. */
const perObject = { perSecond: 1 / 300, burst: 25 };

/**
 * Writes events without flooding: equal ones become one Event with a count, many notes of one reason are summed
 * up, each object has a budget of writes, and what waits is bounded. Recording never blocks and never throws.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, { readonly bucket: TokenBucket; usedAt: number }>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Takes note; {@link run} writes it. */
  record(regarding: KubeObject, event: EventNote): void {
    const now = this.#options.clock.monotonicMs();
    const { key, note } = this.#place(regarding, event);
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= keptAtMost) this.#dropWritten();
      if (this.#series.size >= keptAtMost) {
        this.#options.onError?.(
          new Error(`event ${event.reason} was dropped: ${keptAtMost} are kept already`),
        );
        return;
      }
      const { apiVersion, kind, metadata } = regarding;
      const { name, namespace, uid, resourceVersion } = metadata;
      const about = {
        ...(name === undefined ? {} : { name }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      };
      const kept = { apiVersion, kind, metadata: about };
      series = {
        regarding: kept,
        event: { ...event, note },
        name: undefined,
        count: 0,
        written: 0,
        lastAt: now,
        lastWallMs: 0,
      };
      this.#series.set(key, series);
    }
    series.count += 1;
    series.lastAt = now;
    series.lastWallMs = this.#options.clock.wallMs();
  }

  /** Writes what was recorded until `signal` aborts, and then once more within two seconds. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, flushMs = 10_000, onError } = this.#options;
    // New events go out within a second; only their repetitions wait for the longer interval.
    let fullFlushAt = clock.monotonicMs() + flushMs;
    while (!signal.aborted) {
      await clock.sleep(Math.min(1000, flushMs), signal).catch(() => {}); // Aborted: the last flush follows.
      if (signal.aborted) break;
      const full = clock.monotonicMs() >= fullFlushAt;
      if (full) fullFlushAt = clock.monotonicMs() + flushMs;
      await this.#flush(full, signal);
    }
    await withDeadline(clock, 2000, undefined, (last) => this.#flush(true, last)).catch((error) =>
      onError?.(error),
    );
  }

  /** Forgets the oldest series that the server knows all of: should it go on, another begins. */
  #dropWritten(): void {
    for (const [key, { count, written }] of this.#series) {
      if (count !== written) continue;
      this.#series.delete(key);
      return;
    }
  }

  #place(regarding: KubeObject, event: EventNote): { key: string; note: string } {
    const { uid, namespace, name } = regarding.metadata;
    const group = [
      regarding.kind,
      uid ?? `${namespace}/${name}`,
      event.type,
      event.reason,
      event.action,
    ].join("|");
    const note = event.note.length > 1024 ? `${event.note.slice(0, 1021)}...` : event.note;
    const key = `${group}|${note}`;
    if (this.#series.has(key)) return { key, note };
    let distinct = 0;
    for (const present of this.#series.keys()) if (present.startsWith(`${group}|`)) distinct += 1;
    if (distinct < distinctNotes) return { key, note };
    return { key: `${group}|`, note: `${note.slice(0, 900)} (and others for the same reason)` };
  }

  async #flush(full: boolean, signal: AbortSignal): Promise<void> {
    const now = this.#options.clock.monotonicMs();
    for (const [key, series] of [...this.#series]) {
      if (signal.aborted) return;
      const isNew = series.name === undefined;
      if (series.count > series.written && (isNew || full)) {
        if (!this.#budget(series, now).tryTake()) continue;
        const count = series.count;
        try {
          await this.#write(series, count, signal);
          series.written = count;
        } catch (error) {
          if (!signal.aborted) this.#options.onError?.(error);
          if (isNotFound(error)) this.#series.delete(key); // Its hour had passed, or the namespace is gone.
        }
      } else if (now - series.lastAt > forgetMs) this.#series.delete(key);
    }
    for (const [key, budget] of this.#budgets)
      if (now - budget.usedAt > 25 * 300_000) this.#budgets.delete(key);
  }

  #budget(series: Series, now: number): TokenBucket {
    const { metadata, kind } = series.regarding;
    const key = metadata.uid ?? `${kind}/${metadata.namespace}/${metadata.name}`;
    let budget = this.#budgets.get(key);
    if (budget === undefined) {
      budget = { bucket: new TokenBucket({ ...perObject, clock: this.#options.clock }), usedAt: now };
      this.#budgets.set(key, budget);
    }
    budget.usedAt = now;
    return budget.bucket;
  }

  async #write(series: Series, count: number, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const lastObservedTime = microTime(series.lastWallMs);
    // Events of cluster-scoped objects live in the default namespace.
    const namespace = series.regarding.metadata.namespace ?? "default";
    if (series.name !== undefined) {
      const body = { series: { count, lastObservedTime } };
      await client.patch(eventType, { namespace, name: series.name }, { type: "merge", body }, { signal });
      return;
    }
    const event = this.#toEvent(series, namespace);
    const repeated = count > 1 ? { series: { count, lastObservedTime } } : {};
    await client.create(eventType, { ...event, ...repeated }, { signal });
    series.name = event.metadata.name;
  }

  #toEvent(series: Series, namespace: string) {
    const { random, controller, instance } = this.#options;
    const { regarding, event } = series;
    const { name = "", uid, resourceVersion } = regarding.metadata;
    const suffix = Math.floor(random.next() * 2 ** 48)
      .toString(16)
      .padStart(12, "0");
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: `${name.slice(0, 230)}.${suffix}`, namespace },
      eventTime: microTime(series.lastWallMs),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type: event.type,
      reason: event.reason,
      action: event.action,
      note: event.note,
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name,
        ...(regarding.metadata.namespace === undefined ? {} : { namespace: regarding.metadata.namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
  }
}
