import {
  type ExecutorBeat,
  type HeartbeatFile,
  heartbeatKey,
  parseHeartbeat,
  printHeartbeat,
} from "../../core/cluster/membership/heartbeat-file.ts";
import { heartbeatIntervalMs } from "../../core/cluster/membership/lease.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PutCondition } from "../../ports/object-store.ts";
import type { ClusterState } from "./cluster-state.ts";

export interface HeartbeatOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly ttlMs: number;
  /** `executor_lost_after`: the leases that stand on this scheduler's beats. */
  readonly lostAfterMs: number;
  /** What the file says besides the counter. */
  readonly content: () => {
    readonly executors: Readonly<Record<string, ExecutorBeat>>;
    readonly queries: readonly string[];
  };
  /** A beat could not be written; the next one is tried after a second. */
  readonly onError?: (error: unknown) => void;
}

const RETRY_MS = 1_000;

/** Another instance took this scheduler's id over and beats in its place: this process must stop. */
export class ReplacedError extends Error {
  override readonly name = "ReplacedError";
  constructor(schedulerId: string) {
    super(`scheduler ${schedulerId} was replaced by another instance`);
  }
}

/**
 * Writes this scheduler's heartbeat file and knows when the store last confirmed it. A beat that reached the store
 * carries what this scheduler hears of the executors, so its age is what their read leases stand on.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #key: string;
  #counter = 0;
  #condition: PutCondition | undefined;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#key = heartbeatKey(options.state.schedulerId);
  }

  /** Age of the last confirmation against the store, from the start of that request; Infinity before the first. */
  confirmationAgeMs(): number {
    return this.#options.clock.monotonicMs() - this.#confirmedAtMs;
  }

  /** The last counter that the store is known to have: what peers may be told instead of reading the file. */
  get counter(): number {
    return this.#counter;
  }

  /** Beat until `signal` aborts; call it once, after registration. Throws {@link ReplacedError}. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, ttlMs, lostAfterMs } = this.#options;
    const interval = heartbeatIntervalMs(ttlMs, lostAfterMs);
    while (!signal.aborted) {
      const started = clock.monotonicMs();
      let ok = false;
      try {
        ok = await this.beat(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ReplacedError) throw error;
        this.#options.onError?.(error);
      }
      const pause = ok ? Math.max(0, interval - (clock.monotonicMs() - started)) : RETRY_MS;
      try {
        await clock.sleep(pause, signal);
      } catch {
        return;
      }
    }
  }

  /** Write one beat. False when another attempt is needed at once; errors of the store pass through. */
  async beat(signal?: AbortSignal): Promise<boolean> {
    const { state, clock, ttlMs, lostAfterMs, content } = this.#options;
    const call = signal === undefined ? {} : { signal };
    this.#condition ??= await this.#lookUp(signal);
    const started = clock.monotonicMs();
    const counter = this.#counter + 1;
    const file: HeartbeatFile = {
      scheduler_id: state.schedulerId,
      instance_id: state.instanceId,
      counter,
      ttl_ms: ttlMs,
      last_heartbeat_ms: clock.wallMs(),
      ...content(),
    };
    const condition = this.#condition;
    // Until the store answers, nothing is known of the file.
    this.#condition = undefined;
    const outcome = await state.store.put(this.#key, printHeartbeat(file), condition, call);
    if (outcome.kind !== "written") return false;
    this.#counter = counter;
    this.#condition = { kind: "match", etag: outcome.etag };
    // After a silence others may act on it this very moment: a write of the document either sees what they did or
    // makes their write fail. Without it this beat confirms nothing.
    const lapsed = Number.isFinite(this.#confirmedAtMs) && this.confirmationAgeMs() >= lostAfterMs;
    if (lapsed) await state.change((document) => ({ document: { ...document }, result: undefined }));
    this.#confirmedAtMs = started;
    return true;
  }

  /** Remove the file on a clean shutdown: best effort, nobody depends on it. */
  async remove(): Promise<void> {
    await this.#options.state.store.delete(this.#key);
  }

  /** What the next write must match. A file of an instance that replaced this one ends this one. */
  async #lookUp(signal: AbortSignal | undefined): Promise<PutCondition> {
    const { state } = this.#options;
    const found = await state.store.get(this.#key, signal === undefined ? {} : { signal });
    if (found === undefined) return { kind: "absent" };
    const file = parseHeartbeat(found.body, this.#key);
    if (file.instance_id === state.instanceId) {
      // A reply of ours was lost: that beat counts, from here on.
      this.#counter = Math.max(this.#counter, file.counter);
    } else {
      await state.refresh(signal);
      const holder = state.document.schedulers[state.schedulerId];
      if (holder !== undefined && holder.instance_id !== state.instanceId) {
        throw new ReplacedError(state.schedulerId);
      }
    }
    return { kind: "match", etag: found.etag };
  }
}
