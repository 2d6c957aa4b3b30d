import { messageOf } from "../../core/text/message-of.ts";
import type { Logger } from "../../observe/log.ts";
import type { ClusterState } from "./cluster-state.ts";

/** Reads the document when somebody knows of a newer one; the poll does it anyway when that fails. */
export class RefreshSoon {
  readonly #state: ClusterState;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #running: Promise<unknown> | undefined;

  /** `signal` ends what runs. */
  constructor(state: ClusterState, log: Logger, signal: AbortSignal) {
    this.#state = state;
    this.#log = log;
    this.#signal = signal;
  }

  /** Read it now; concurrent calls are one. */
  refresh(): void {
    this.#running ??= this.#state
      .refresh(this.#signal)
      .catch((error: unknown) => {
        if (this.#signal.aborted) return;
        this.#log.warn({ cause: messageOf(error) }, "News of a newer revision could not be followed yet");
      })
      .finally(() => {
        this.#running = undefined;
      });
  }
}
