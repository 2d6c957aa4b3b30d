import type { ServerWritableStream } from "@grpc/grpc-js";

/** Settles when the message went to the transport, which it does at the pace of the peer's flow-control window. */
export function grpcWrite<Request, Response>(
  call: ServerWritableStream<Request, Response>,
  message: Response,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    call.write(message, (error?: Error | null) => {
      signal.removeEventListener("abort", stop);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
