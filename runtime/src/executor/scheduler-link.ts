import type { ChannelCredentials, ClientDuplexStream } from "@grpc/grpc-js";
import {
  ClusterServiceClient,
  type ControlStreamRequest,
  type ControlStreamResponse,
} from "@spice-shards/proto";
import { dialReason } from "../adapters/tls/dial-reason.ts";
import type { Clock } from "../ports/clock.ts";

/** What a link tells its owner; all of it in the order in which it happened. */
export interface LinkListener {
  /** A stream was opened: the first message must be a hello. */
  opened(scheduler: string): void;
  closed(scheduler: string, reason: string): void;
  received(scheduler: string, response: ControlStreamResponse): void;
}

export interface LinkOptions {
  readonly schedulerId: string;
  /** What to dial: `host:port`, or `unix:PATH` within one process. */
  readonly address: string;
  readonly executorId: string;
  readonly credentials: () => ChannelCredentials;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly jitter: () => number;
  readonly listener: LinkListener;
}

const maxBackoffMs = 10_000;
/** A stream on which nothing arrives for this long is dead, whatever TCP says: beats are answered every 2 s. */
const silenceMs = 10_000;

/**
 * One executor's connection to one scheduler: a control stream that is opened again with Fibonacci back-off, at most
 * 10 s, until the link is closed (spec chapter 04, Executors).
 */
export class SchedulerLink {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #stream: ClientDuplexStream<ControlStreamRequest, ControlStreamResponse> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get address(): string {
    return this.#options.address;
  }

  /** Queue a message; dropped when no stream is open (the session says it again on the next one). */
  send(message: ControlStreamRequest["message"]): void {
    this.#stream?.write({ executorId: this.#options.executorId, message });
  }

  /** End the stream and stop dialling; resolves when both have happened. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#done;
  }

  async #run(): Promise<void> {
    const { clock, jitter } = this.#options;
    let [previous, delay] = [0, 250];
    while (!this.#stop.signal.aborted) {
      const startedAt = clock.monotonicMs();
      await this.#connectOnce();
      if (clock.monotonicMs() - startedAt > maxBackoffMs) [previous, delay] = [0, 250];
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await clock.sleep(delay * (0.8 + 0.4 * jitter()), this.#stop.signal).catch(() => undefined);
      [previous, delay] = [delay, Math.min(previous + delay, maxBackoffMs)];
    }
  }

  /** Open the stream and stay until it ends; never rejects: the reason goes to the listener. */
  async #connectOnce(): Promise<void> {
    const { schedulerId, address, credentials, listener, clock } = this.#options;
    const client = new ClusterServiceClient(address, credentials(), {
      "grpc.keepalive_time_ms": 5_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.keepalive_permit_without_calls": 1,
      "grpc.use_local_subchannel_pool": 1,
    });
    const stream = client.controlStream();
    const stop = () => stream.cancel();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    let heardAt = clock.monotonicMs();
    const watchdog = setInterval(() => {
      if (clock.monotonicMs() - heardAt > silenceMs) stream.cancel();
    }, 1_000);
    let reason = "the scheduler ended the stream";
    try {
      await new Promise<void>((resolve) => {
        stream.on("data", (response: ControlStreamResponse) => {
          heardAt = clock.monotonicMs();
          try {
            listener.received(schedulerId, response);
          } catch (error) {
            // A message that this build does not understand costs the stream, not the process.
            reason = String((error as Error).message);
            resolve();
          }
        });
        stream.on("error", (error: Error) => {
          reason = dialReason(error.message);
          resolve();
        });
        stream.on("end", resolve);
        this.#stream = stream;
        listener.opened(schedulerId);
      });
    } finally {
      clearInterval(watchdog);
      this.#stop.signal.removeEventListener("abort", stop);
      this.#stream = undefined;
      // Errors after this point belong to a stream that nobody reads any more.
      stream.on("error", () => undefined);
      stream.cancel();
      client.close();
      listener.closed(schedulerId, reason);
    }
  }
}
