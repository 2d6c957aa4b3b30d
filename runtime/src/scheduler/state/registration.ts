import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { AlreadyRegisteredError, NotRegisteredError, UnknownCommitError } from "../../core/cluster/errors.ts";
import {
  decideRegistration,
  registerScheduler,
  removeScheduler,
} from "../../core/cluster/membership/membership.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "./cluster-state.ts";
import { SchedulerObserver } from "./scheduler-observer.ts";

export interface RegistrationOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  /** This process's entry; id and instance must be those of `state`. */
  readonly entry: Omit<SchedulerEntry, "last_write_seq">;
  /** Says once that the id is held and may be taken over later. */
  readonly onWait?: (holderInstance: string) => void;
  readonly onError?: (error: unknown) => void;
  readonly observer?: SchedulerObserver;
}

const LOOK_AGAIN_MS = 2_000;

/**
 * This process's membership. `register()` at start (may wait for TTL + 5 s where a dead holder left the id),
 * then `keep()` for as long as it lives, `deregister()` on a clean shutdown.
 */
export class Registration {
  readonly #options: RegistrationOptions;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /**
   * Become the registered instance of the scheduler id. Throws {@link AlreadyRegisteredError} when the holder is
   * seen beating; waits while the store cannot be reached; the signal's reason when aborted.
   */
  async register(signal: AbortSignal): Promise<void> {
    const { state, clock, entry, onWait, onError } = this.#options;
    const observer = this.#options.observer ?? new SchedulerObserver(state.store, clock);
    let said: string | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        await state.refresh(signal);
        const holder = state.document.schedulers[entry.scheduler_id];
        if (holder !== undefined && holder.instance_id !== entry.instance_id) {
          await observer.look(holder, undefined, signal);
        }
        const decision = decideRegistration(
          state.document,
          entry.scheduler_id,
          entry.instance_id,
          observer.counters,
          clock.monotonicMs(),
        );
        if (decision.kind === "refuse") throw new AlreadyRegisteredError(entry.scheduler_id);
        if (decision.kind !== "wait") {
          const expected = decision.kind === "take-over" ? decision.holder : undefined;
          await this.#write(expected);
          if (state.registered) return;
        } else if (said !== decision.holder.instance_id) {
          said = decision.holder.instance_id;
          onWait?.(said);
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof AlreadyRegisteredError) throw error;
        onError?.(error);
      }
      await observer.sleep(LOOK_AGAIN_MS, signal);
    }
  }

  /**
   * Stay registered: a process that was away for long may have been reaped, and registers again. Ends when `signal`
   * aborts; throws {@link AlreadyRegisteredError} when another instance has the id and is alive.
   */
  async keep(signal: AbortSignal): Promise<void> {
    const { state } = this.#options;
    while (!signal.aborted) {
      if (!state.registered) {
        try {
          await this.register(signal);
        } catch (error) {
          if (signal.aborted) return;
          throw error;
        }
      }
      await nextSnapshot(state, signal);
    }
  }

  /** Leave the cluster. Errors of the store pass through; the reaper then removes the entry later. */
  async deregister(): Promise<void> {
    const { state, entry } = this.#options;
    if (!state.isOpen) return;
    try {
      await state.change((document) => ({
        document: removeScheduler(document, entry.scheduler_id, entry.instance_id),
        result: undefined,
      }));
    } catch (error) {
      // Either way the entry is gone.
      if (!(error instanceof NotRegisteredError || error instanceof UnknownCommitError)) throw error;
      if (state.registered) throw error;
    }
  }

  async #write(expected: string | undefined): Promise<void> {
    const { state, entry } = this.#options;
    try {
      await state.change((document) => ({
        document: registerScheduler(document, { ...entry, last_write_seq: 0 }, expected),
        result: undefined,
      }));
    } catch (error) {
      // Somebody else got the id in between: look again.
      if (!(error instanceof NotRegisteredError)) throw error;
    }
  }
}

function nextSnapshot(state: ClusterState, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const unsubscribe = state.subscribe(end);
  signal.addEventListener("abort", end, { once: true });
  return promise.finally(() => {
    unsubscribe();
    signal.removeEventListener("abort", end);
  });
}
