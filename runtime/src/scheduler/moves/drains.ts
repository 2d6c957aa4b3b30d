import type { ClusterDocument, ExecutorState } from "../../core/cluster/document/document.ts";
import { type DrainStatus, drainStatus } from "../../core/cluster/moves/drain-status.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import type { MoveDriver } from "./move-driver.ts";

/** The executor is not in the cluster document. */
export class UnknownExecutorError extends Error {
  override readonly name = "UnknownExecutorError";
  constructor(executor: string, document: ClusterDocument) {
    const members = Object.keys(document.executors).sort();
    super(
      `Executor ${executor} is not a member of this cluster. ${members.length === 0 ? "It has no executors" : `Its executors: ${members.join(", ")}`}`,
    );
  }
}

export interface DrainsOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly moves: MoveDriver;
}

const LOOK_MS = 200;

/** Drains of executors (spec chapter 04, AdminService): kept in `cluster.json`, carried out by whoever drives. */
export class Drains {
  readonly #options: DrainsOptions;

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /**
   * Begin to drain; idempotent. It ends by {@link undrain} or by a new instance of the executor. The answer waits up to
   * `deadlineMs` for the executor to be empty. Throws {@link UnknownExecutorError}; errors of the store pass through.
   */
  async drain(
    executor: string,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<DrainStatus & { readonly already: boolean }> {
    const { clock } = this.#options;
    const until = clock.monotonicMs() + deadlineMs;
    const already = (await this.#set(executor, "draining")) === "draining";
    for (;;) {
      const status = this.status(executor);
      const leftMs = until - clock.monotonicMs();
      if (status.state === "DRAINED" || leftMs <= 0) return { ...status, already };
      await clock.sleep(Math.min(LOOK_MS, leftMs), signal);
    }
  }

  /** Let the executor take partitions again. True when it was draining. Throws {@link UnknownExecutorError}. */
  async undrain(executor: string): Promise<boolean> {
    return (await this.#set(executor, "active")) === "draining";
  }

  /** How far a drain is. */
  status(executor: string): DrainStatus {
    const { state, moves } = this.#options;
    return drainStatus(state.document, executor, moves.blocked(state.document));
  }

  async #set(executor: string, next: ExecutorState): Promise<ExecutorState> {
    const { result } = await this.#options.state.change((document) => {
      const entry = document.executors[executor];
      if (entry === undefined) throw new UnknownExecutorError(executor, document);
      const executors = { ...document.executors, [executor]: { ...entry, state: next } };
      return {
        document: entry.state === next ? document : { ...document, executors },
        result: entry.state,
      };
    });
    return result;
  }
}
