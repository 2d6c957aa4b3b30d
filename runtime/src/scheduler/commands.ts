import { randomUUID } from "node:crypto";
import type { ControlStreamResponse } from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";
import type { ControlStreams } from "./cluster-service.ts";

/** The executor has no stream here, or did not answer in time. */
export class CommandTimeoutError extends Error {
  override readonly name = "CommandTimeoutError";
}

/** The executor answered that it cannot carry the command out. */
export class CommandRefusedError extends Error {
  override readonly name = "CommandRefusedError";
}

interface Pending {
  readonly executor: string;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Commands that wait for an answer. Sent again under the same id until the executor acknowledges: executors carry a
 * command out once, whoever repeats it.
 */
export class Commands {
  readonly #streams: ControlStreams;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();

  constructor(streams: ControlStreams, clock: Clock) {
    this.#streams = streams;
    this.#clock = clock;
  }

  /** Send a command and wait for its acknowledgement: a try every 3 s, four at most. */
  async send(
    executor: string,
    message: NonNullable<ControlStreamResponse["message"]>,
    signal: AbortSignal,
  ): Promise<void> {
    const commandId = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = new AbortController();
    this.#pending.set(commandId, { executor, resolve, reject });
    try {
      const answered = promise.finally(() => done.abort());
      const tries = async () => {
        for (let i = 0; i < 4; i++) {
          this.#streams.send(executor, { commandId, message });
          await this.#clock.sleep(3_000, AbortSignal.any([signal, done.signal]));
        }
        throw new CommandTimeoutError(`executor ${executor} did not answer in time`);
      };
      await Promise.race([
        answered,
        tries().catch((error: unknown) => (done.signal.aborted ? answered : Promise.reject(error))),
      ]);
    } finally {
      this.#pending.delete(commandId);
      done.abort();
    }
  }

  /** An executor acknowledged a command; of no effect when nobody waits for it. */
  acknowledged(executor: string, commandId: string, error: string): void {
    const pending = this.#pending.get(commandId);
    if (pending?.executor !== executor) return;
    if (error === "") pending.resolve();
    else pending.reject(new CommandRefusedError(error));
  }
}
