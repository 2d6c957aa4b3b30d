import { Channel, type ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { ExchangeServiceService } from "@spice-shards/proto";
import type { Clock } from "../../../ports/clock.ts";
import type { Exchange, FragmentRequest, FragmentResult, FragmentStats } from "../../../ports/exchange.ts";
import { ExecutorUnavailableError } from "../../../ports/exchange.ts";
import { systemClock } from "../../system/clock.ts";
import { JointAbort } from "../../system/joint-abort.ts";
import { askForLife } from "./ask-for-life.ts";
import { connected, connectLimitMs } from "./connected.ts";
import { encodeEnvelope } from "./envelope.ts";
import { isWholeResult, readFragmentMessage, writeFragmentRequest } from "./fragment-message.ts";
import { readMessages } from "./grpc-read.ts";
import { Pulse } from "./pulse.ts";

export interface GrpcExchangeOptions {
  /** `host:port` of an executor by its id; undefined while it is not a member. */
  readonly address: (executor: string) => string | undefined;
  /** The process that has the id now, where that is known: another one may have the name at another address. */
  readonly instance?: (executor: string) => string | undefined;
  /** Credentials for a new channel to an executor. */
  readonly credentials: () => ChannelCredentials;
  /** How long a connection may take; {@link connectLimitMs} when absent. */
  readonly connectMs?: number;
  /** Its turns are those of the watch over executors; the process's own clock when absent. */
  readonly clock?: Clock;
}

interface Dialled {
  readonly channel: Channel;
  readonly pulse: Pulse;
  readonly instance: string | undefined;
  calls: number;
  wanted: boolean;
}

const method = ExchangeServiceService.runFragment.path;
/** The executor ends a fragment at its deadline by itself; the call waits a little longer for that answer. */
const graceMs = 1_000;

const channelOptions = {
  // One frame per stream in flight; the default of 64 KiB would cap a stream at one window per round trip.
  "grpc-node.flow_control_window": 4 << 20,
  "grpc.max_receive_message_length": -1,
  "grpc.keepalive_time_ms": 10_000,
  // Longer than the pauses of a node that has far more to do than cores: each costs every query that runs there.
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.enable_retries": 0,
  // Nobody reads what it counts of every call.
  "grpc.enable_channelz": 0,
} as const;

/** Runs fragments on executors over gRPC, on one channel per address. */
export class GrpcExchange implements Exchange {
  readonly #options: GrpcExchangeOptions;
  readonly #channels = new Map<string, Dialled>();
  #closed = false;

  constructor(options: GrpcExchangeOptions) {
    this.#options = options;
  }

  /**
   * Nothing is sent before the first frame is pulled. Frames reject with StalePlanError, ExecutorUnavailableError,
   * ResourceExhaustedError, SqlError, a TimeoutError at the deadline, or the signal's reason.
   */
  run(executor: string, request: FragmentRequest, signal: AbortSignal): FragmentResult {
    const { promise: stats, resolve, reject } = Promise.withResolvers<FragmentStats>();
    stats.catch(() => undefined); // reported through `frames` too
    return { frames: this.#frames(executor, request, signal, resolve, reject), stats };
  }

  /** Close channels to addresses that no member has any more, once their calls have ended. */
  retain(addresses: Iterable<string>): void {
    const wanted = new Set(addresses);
    for (const [address, entry] of this.#channels) {
      entry.wanted = wanted.has(address);
      this.#closeIfIdle(address);
    }
  }

  /** Close every channel; running calls end with an ExecutorUnavailableError. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#channels.values()) hangUp(entry);
    this.#channels.clear();
  }

  async *#frames(
    executor: string,
    request: FragmentRequest,
    signal: AbortSignal,
    resolve: (stats: FragmentStats) => void,
    reject: (error: unknown) => void,
  ): AsyncGenerator<Uint8Array, void> {
    let address: string | undefined;
    try {
      signal.throwIfAborted();
      address = this.#options.address(executor);
      if (address === undefined || this.#closed) {
        throw new ExecutorUnavailableError(executor, `Executor ${executor} is not a member of the cluster`);
      }
      const entry = this.#channel(address, this.#options.instance?.(executor));
      entry.calls++;
      try {
        if (!(await connected(entry.channel, this.#options.connectMs ?? connectLimitMs, signal))) {
          this.#drop(address, entry);
          throw new ExecutorUnavailableError(executor, `Executor ${executor} does not answer at ${address}`);
        }
        const stats = yield* this.#read(executor, entry, request, signal);
        resolve(stats);
      } finally {
        entry.calls--;
        this.#closeIfIdle(address);
      }
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      reject(new Error("The reader left before the last frame"));
    }
  }

  async *#read(
    executor: string,
    { channel, pulse }: Dialled,
    request: FragmentRequest,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, FragmentStats> {
    const silent = () => new ExecutorUnavailableError(executor, `Executor ${executor} gives no sign of life`);
    if (pulse.isSilent) throw silent();
    const metadata = new Metadata();
    metadata.set("traceparent", request.trace);
    const envelope = encodeEnvelope({ ...request, statsWithFrame: true });
    const ending = new JointAbort();
    const call = {
      channel,
      method,
      request: writeFragmentRequest(envelope),
      deadline: Date.now() + request.deadlineMs + graceMs,
      metadata,
      signal: ending.signal,
      isWhole: isWholeResult,
    };
    let stats: FragmentStats | undefined;
    ending.follow(signal);
    ending.signal.throwIfAborted();
    const watched = pulse.watch(() => ending.abort(silent()));
    try {
      for await (const { payload, wholeStats } of readMessages(executor, call, readFragmentMessage)) {
        watched.heard();
        const figures = payload?.$case === "stats" ? payload.value : wholeStats;
        if (figures !== undefined) stats = JSON.parse(figures.toString()) as FragmentStats;
        if (payload?.$case === "frame") yield payload.value;
      }
    } finally {
      watched.end();
      ending.letGo();
    }
    if (stats !== undefined) return stats;
    throw new ExecutorUnavailableError(executor, `Executor ${executor} ended a fragment without its figures`);
  }

  #channel(address: string, instance: string | undefined): Dialled {
    const known = this.#channels.get(address);
    if (known !== undefined && known.instance === instance) return known;
    // What still runs on it waits for a process that has a successor.
    if (known !== undefined) this.#drop(address, known);
    const target = address.includes("://") ? new URL(address).host : address;
    const channel = new Channel(target, this.#options.credentials(), channelOptions);
    const clock = this.#options.clock ?? systemClock;
    const pulse = new Pulse({ clock, ask: () => askForLife(channel) });
    const entry = { channel, pulse, instance, calls: 0, wanted: true };
    this.#channels.set(address, entry);
    return entry;
  }

  /** The next call dials anew and asks for the address again. */
  #drop(address: string, entry: Dialled): void {
    hangUp(entry);
    if (this.#channels.get(address) === entry) this.#channels.delete(address);
  }

  #closeIfIdle(address: string): void {
    const entry = this.#channels.get(address);
    if (entry === undefined || entry.wanted || entry.calls > 0) return;
    hangUp(entry);
    this.#channels.delete(address);
  }
}

function hangUp({ channel, pulse }: Dialled): void {
  pulse.close();
  channel.close();
}
