import type { Server, ServerWritableStream } from "@grpc/grpc-js";
import {
  ExchangeServiceService,
  type RunFragmentRequest,
  type RunFragmentResponse,
} from "@spice-shards/proto";
import type { FragmentRunner } from "../../../ports/exchange.ts";
import { shortLived } from "../../system/short-lived.ts";
import {
  type CopyPartitionCall,
  type CopyPartitionOptions,
  copyPartition,
} from "../copy/copy-partition-server.ts";
import { isInlineFrame } from "../frames/inline-frame.ts";
import { decodeEnvelope } from "./envelope.ts";
import { writeFragmentMessage } from "./fragment-message.ts";
import { statusOf } from "./grpc-status.ts";
import { asBuffer, grpcWrite } from "./grpc-write.ts";

type Call = ServerWritableStream<RunFragmentRequest, RunFragmentResponse>;

export interface ExchangeServerOptions {
  readonly runner: FragmentRunner;
  /** Throws a PeerRefusedError when the peer may not run fragments here. */
  readonly authorize: (call: Call) => void;
  /** Gives partitions to other executors; without it such calls are answered as not implemented. */
  readonly copies?: CopyPartitionOptions;
}

/** Options that the gRPC server of port 50052 needs for the exchange. */
export const exchangeServerOptions = {
  "grpc.max_send_message_length": -1,
  // Nobody reads what it counts of every call.
  "grpc.enable_channelz": 0,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 10_000,
} as const;

const service = {
  ...ExchangeServiceService,
  runFragment: { ...ExchangeServiceService.runFragment, responseSerialize: writeFragmentMessage },
};

/** Register ExchangeService: frames go out at the reader's pace, one that goes away stops its fragment. */
export function addExchangeService(server: Server, options: ExchangeServerOptions): void {
  const { copies } = options;
  server.addService(service, {
    runFragment: (call: Call) => {
      // Never rejects: whatever happens becomes the status of the call.
      void runFragment(call, options);
    },
    ...(copies === undefined
      ? {}
      : { copyPartition: (call: CopyPartitionCall) => void copyPartition(call, copies) }),
  });
}

async function runFragment(call: Call, { runner, authorize }: ExchangeServerOptions): Promise<void> {
  const gone = new AbortController();
  const cancel = () => gone.abort(new DOMException("The reader went away", "AbortError"));
  call.on("cancelled", cancel);
  call.on("close", cancel);
  try {
    authorize(call);
    const request = decodeEnvelope(call.request.envelope);
    const result = runner.run(request, gone.signal);
    let whole: Buffer | undefined;
    // One frame is on its way while the next is made.
    let flushed: Promise<void> = Promise.resolve();
    for await (const frame of result.frames) {
      await flushed;
      if (whole !== undefined) throw new Error("Something came after a whole result");
      if (request.statsWithFrame === true && isInlineFrame(frame)) {
        whole = asBuffer(frame);
        continue;
      }
      shortLived(frame.byteLength);
      flushed = grpcWrite(call, { payload: { $case: "frame", value: asBuffer(frame) } }, gone.signal);
      flushed.catch(() => undefined); // awaited before the next write
    }
    const stats = Buffer.from(JSON.stringify(await result.stats));
    call.write(
      whole === undefined
        ? { payload: { $case: "stats", value: stats } }
        : { payload: { $case: "frame", value: whole }, wholeStats: stats },
    );
    call.end();
    // The call's close is not news any more.
    call.off("cancelled", cancel);
    call.off("close", cancel);
  } catch (error) {
    if (call.cancelled) return;
    call.emit("error", statusOf(error));
  }
}
