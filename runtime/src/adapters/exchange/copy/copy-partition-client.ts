import { Channel, type ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { CopyPartitionRequest, CopyPartitionResponse, ExchangeServiceService } from "@spice-shards/proto";
import { ExecutorUnavailableError } from "../../../ports/exchange.ts";
import type {
  CopiedVersion,
  PartitionCopier,
  PartitionCopyPart,
  PartitionCopyRequest,
} from "../../../ports/partition-copy.ts";
import { connected, connectLimitMs } from "../grpc/connected.ts";
import { readMessages } from "../grpc/grpc-read.ts";
import { EnvelopeError } from "../grpc/grpc-status.ts";
import { copyDeadlineMs } from "./copy-partition-source.ts";

const method = ExchangeServiceService.copyPartition.path;

const channelOptions = {
  "grpc-node.flow_control_window": 4 << 20,
  "grpc.max_receive_message_length": -1,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.enable_retries": 0,
  "grpc.client_idle_timeout_ms": 30_000,
} as const;

/** Copies partitions from other executors, on one channel each, whose connection ends when it is not used. */
export class GrpcPartitionCopier implements PartitionCopier {
  readonly #credentials: () => ChannelCredentials;
  readonly #channels = new Map<string, Channel>();

  /** @param credentials for a new channel to an executor; its id is the address that is dialled. */
  constructor(credentials: () => ChannelCredentials) {
    this.#credentials = credentials;
  }

  async *copy(
    executor: string,
    request: PartitionCopyRequest,
    signal: AbortSignal,
  ): AsyncGenerator<PartitionCopyPart, void> {
    signal.throwIfAborted();
    let channel = this.#channels.get(executor);
    if (channel === undefined) {
      channel = new Channel(executor, this.#credentials(), channelOptions);
      this.#channels.set(executor, channel);
    }
    if (!(await connected(channel, connectLimitMs, signal))) {
      // The next copy dials anew and asks for the address again.
      channel.close();
      if (this.#channels.get(executor) === channel) this.#channels.delete(executor);
      throw new ExecutorUnavailableError(executor, `Executor ${executor} does not answer`);
    }
    yield* read(executor, channel, request, signal);
  }

  /** Close every channel; running copies end with an ExecutorUnavailableError. */
  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

async function* read(
  executor: string,
  channel: Channel,
  request: PartitionCopyRequest,
  signal: AbortSignal,
): AsyncGenerator<PartitionCopyPart, void> {
  const call = {
    channel,
    method,
    request: Buffer.from(CopyPartitionRequest.encode(request).finish()),
    deadline: Date.now() + copyDeadlineMs,
    metadata: new Metadata(),
    signal,
  };
  let header: CopiedVersion | undefined;
  let rows: number | undefined;
  for await (const { payload } of readMessages(executor, call, (m) => CopyPartitionResponse.decode(m))) {
    switch (payload?.$case) {
      case "header":
        header = readHeader(payload.value);
        yield { kind: "header", header };
        break;
      case "frame":
        yield { kind: "frame", bytes: payload.value };
        break;
      case "rows":
        rows = payload.value;
        break;
      case undefined:
        break;
      default:
        payload satisfies never;
    }
  }
  if (header !== undefined && rows === expectedRows(header, request)) return;
  throw new ExecutorUnavailableError(
    executor,
    `Executor ${executor} ended the copy of ${request.key} of ${request.table} before it was whole`,
  );
}

function expectedRows(header: CopiedVersion, { haveVersion }: PartitionCopyRequest): number {
  return header.version === haveVersion ? 0 : header.rows;
}

function readHeader(bytes: Buffer): CopiedVersion {
  const header = JSON.parse(bytes.toString()) as CopiedVersion;
  const sound =
    Number.isSafeInteger(header.version) &&
    Number.isSafeInteger(header.rows) &&
    Array.isArray(header.columns) &&
    header.columns.every(({ name, type }) => typeof name === "string" && typeof type === "string");
  if (!sound)
    throw new EnvelopeError("The header of a partition's copy lacks a field or has one of a wrong type");
  return header;
}
