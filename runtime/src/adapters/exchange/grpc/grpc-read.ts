import { type ChannelInterface, type Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { errorOf } from "./grpc-status.ts";

export interface ReadCall {
  readonly channel: ChannelInterface;
  /** Full name, `/package.Service/Method`. */
  readonly method: string;
  readonly request: Buffer;
  /** Unix milliseconds. */
  readonly deadline: number;
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  /** True for a message that says by itself that the call went well: its status is not waited for. */
  readonly isWhole?: (message: Buffer) => boolean;
}

type Event = { readonly message: Buffer } | { readonly status: StatusObject };

/**
 * A server-streaming call whose messages are read one at a time. grpc-js' own stream reads 16 messages ahead, which
 * for frames of some megabytes is more than a node may grow by; this asks for the next message only when pulled, so
 * what lies between is bounded by the flow-control window.
 *
 * Yields messages; returns the final status. Cancels the call when left early, unless nothing but the status is to come.
 */
export async function* grpcRead(options: ReadCall): AsyncGenerator<Buffer, StatusObject> {
  const { channel, method, request, deadline, signal } = options;
  signal.throwIfAborted();
  const call = channel.createCall(method, deadline, null, null, null);
  let event = Promise.withResolvers<Event>();
  const cancel = () => call.cancelWithStatus(status.CANCELLED, "The query was cancelled");
  signal.addEventListener("abort", cancel, { once: true });
  let ended = false;
  let whole = false;
  try {
    call.start(options.metadata, {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: (message: Buffer) => event.resolve({ message }),
      onReceiveStatus: (result) => {
        ended = true;
        event.resolve({ status: result });
      },
    });
    call.sendMessageWithContext({}, request);
    call.halfClose();
    for (;;) {
      call.startRead();
      const next = await event.promise;
      if ("status" in next) return next.status;
      event = Promise.withResolvers<Event>();
      if (ended) throw new Error("A message came after the status");
      whole = options.isWhole?.(next.message) === true;
      if (whole) call.startRead(); // the call ends when somebody asks for its status
      yield next.message;
      if (whole) return { code: status.OK, details: "", metadata: options.metadata };
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    if (!ended && !whole) cancel();
  }
}

/**
 * The messages of a call to an executor, decoded. The iteration ends when the call ended well; rejects with the error that
 * the executor's status stands for, and with the signal's reason once it is aborted.
 */
export async function* readMessages<T>(
  executor: string,
  options: ReadCall,
  decode: (message: Buffer) => T,
): AsyncGenerator<T, void> {
  const messages = grpcRead(options);
  try {
    for (;;) {
      const next = await messages.next();
      options.signal.throwIfAborted();
      if (next.done !== true) yield decode(next.value);
      else if (next.value.code === status.OK) return;
      else throw errorOf(executor, next.value);
    }
  } finally {
    await messages.return({ code: status.CANCELLED, details: "", metadata: options.metadata });
  }
}
