import type { ServerWritableStream } from "@grpc/grpc-js";
import type { CopyPartitionRequest, CopyPartitionResponse } from "@spice-shards/proto";
import type { PartitionCopySource } from "../../../ports/partition-copy.ts";
import { statusOf } from "../grpc/grpc-status.ts";
import { asBuffer, grpcWrite } from "../grpc/grpc-write.ts";

export type CopyPartitionCall = ServerWritableStream<CopyPartitionRequest, CopyPartitionResponse>;

export interface CopyPartitionOptions {
  readonly source: PartitionCopySource;
  /** Throws a PeerRefusedError when the peer may not copy partitions from here. */
  readonly authorize: (call: CopyPartitionCall) => void;
}

/**
 * Answer one `CopyPartition` call: header, frames at the reader's pace, and the number of frames' rows last, without
 * which the copy is not whole. Never rejects: whatever happens becomes the status of the call.
 */
export async function copyPartition(call: CopyPartitionCall, options: CopyPartitionOptions): Promise<void> {
  const gone = new AbortController();
  const cancel = () => gone.abort(new DOMException("The reader went away", "AbortError"));
  call.on("cancelled", cancel);
  call.on("close", cancel);
  try {
    options.authorize(call);
    let rows = 0;
    for await (const part of options.source.copy(call.request, gone.signal)) {
      switch (part.kind) {
        case "header": {
          if (part.header.version !== call.request.haveVersion) rows = part.header.rows;
          const header = Buffer.from(JSON.stringify(part.header));
          await grpcWrite(call, { payload: { $case: "header", value: header } }, gone.signal);
          break;
        }
        case "frame":
          await grpcWrite(call, { payload: { $case: "frame", value: asBuffer(part.bytes) } }, gone.signal);
          break;
        default:
          part satisfies never;
      }
    }
    call.write({ payload: { $case: "rows", value: rows } });
    call.end();
  } catch (error) {
    if (call.cancelled) return;
    call.emit("error", statusOf(error));
  }
}
