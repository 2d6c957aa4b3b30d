import { type ChannelInterface, Metadata } from "@grpc/grpc-js";

/**
 * No node serves this method. The refusal is a status without a message, so that neither a handler nor the flow-control
 * window of a reader that is behind holds it up.
 */
const method = "/spice.cluster.v1.ExchangeService/Alive";

/** Resolves once the peer refused the call, which it must be alive for, or when its connection ended before. */
export function askForLife(channel: ChannelInterface): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const call = channel.createCall(method, Number.POSITIVE_INFINITY, null, null, null);
  call.start(new Metadata(), {
    onReceiveMetadata: () => undefined,
    onReceiveMessage: () => undefined,
    onReceiveStatus: () => resolve(),
  });
  call.halfClose();
  call.startRead();
  return promise;
}
