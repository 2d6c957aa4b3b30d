import type { ChannelCredentials, ClientDuplexStream } from "@grpc/grpc-js";
import {
  ClusterServiceClient,
  type ControlStreamRequest,
  type ControlStreamResponse,
  type Hello,
  type TableState,
} from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";

/** What a link tells its owner. */
export interface LinkListener {
  /** The stream is up: everything that the executor holds must be reported again. */
  connected(scheduler: string): void;
  disconnected(scheduler: string, reason: string): void;
  command(scheduler: string, response: ControlStreamResponse): void;
}

export interface LinkOptions {
  readonly schedulerId: string;
  /** `host:port` to dial. */
  readonly address: string;
  readonly executorId: string;
  readonly hello: Hello;
  readonly credentials: () => ChannelCredentials;
  readonly clock: Clock;
  readonly jitter: () => number;
  readonly listener: LinkListener;
  readonly signal: AbortSignal;
}

const maxBackoffMs = 10_000;
/** A stream on which nothing arrives for this long is dead, whatever TCP says: beats are answered every 2 s. */
const silenceMs = 10_000;

/**
 * One executor's connection to one scheduler: a control stream that is opened again with Fibonacci back-off, at most
 * 10 s, for as long as the signal stands (spec chapter 04, Executors).
 */
export class SchedulerLink {
  readonly #options: LinkOptions;
  #stream: ClientDuplexStream<ControlStreamRequest, ControlStreamResponse> | undefined;
  /** Settles when the link has ended after its signal was aborted. */
  readonly done: Promise<void>;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  get schedulerId(): string {
    return this.#options.schedulerId;
  }

  get isConnected(): boolean {
    return this.#stream !== undefined;
  }

  sendBeat(counter: number, memoryAvailableBytes: number, tasksActive: number): void {
    this.#send({ $case: "beat", value: { counter, memoryAvailableBytes, tasksActive } });
  }

  sendTableState(state: TableState): void {
    this.#send({ $case: "tableState", value: state });
  }

  sendAck(commandId: string, error: string): void {
    this.#send({ $case: "ack", value: { commandId, error } });
  }

  #send(message: ControlStreamRequest["message"]): void {
    this.#stream?.write({ executorId: this.#options.executorId, message });
  }

  async #run(): Promise<void> {
    const { signal, clock, jitter } = this.#options;
    let [previous, delay] = [0, 250];
    while (!signal.aborted) {
      const startedAt = clock.monotonicMs();
      await this.#connectOnce();
      if (clock.monotonicMs() - startedAt > maxBackoffMs) [previous, delay] = [0, 250];
      await clock.sleep(delay * (0.8 + 0.4 * jitter()), signal).catch(() => undefined);
      [previous, delay] = [delay, Math.min(previous + delay, maxBackoffMs)];
    }
  }

  /** Open the stream and stay until it ends; never rejects: the reason goes to the listener. */
  async #connectOnce(): Promise<void> {
    const { address, credentials, executorId, hello, listener, schedulerId, signal, clock } = this.#options;
    const client = new ClusterServiceClient(address, credentials(), {
      "grpc.keepalive_time_ms": 5_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.keepalive_permit_without_calls": 1,
      "grpc.use_local_subchannel_pool": 1,
    });
    const stream = client.controlStream();
    const stop = () => stream.cancel();
    signal.addEventListener("abort", stop, { once: true });
    let heardAt = clock.monotonicMs();
    const watchdog = setInterval(() => {
      if (clock.monotonicMs() - heardAt > silenceMs) stream.cancel();
    }, 1_000);
    let reason = "the stream ended";
    try {
      await new Promise<void>((resolve) => {
        stream.on("data", (response: ControlStreamResponse) => {
          heardAt = clock.monotonicMs();
          if (response.message?.$case === "welcome") {
            this.#stream = stream;
            listener.connected(schedulerId);
          } else {
            listener.command(schedulerId, response);
          }
        });
        stream.on("error", (error: Error) => {
          reason = error.message;
          resolve();
        });
        stream.on("end", () => {
          stream.end();
          resolve();
        });
        stream.write({ executorId, message: { $case: "hello", value: hello } });
      });
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener("abort", stop);
      const wasConnected = this.#stream === stream;
      this.#stream = undefined;
      stream.cancel();
      client.close();
      if (wasConnected || !signal.aborted) listener.disconnected(schedulerId, reason);
    }
  }
}
