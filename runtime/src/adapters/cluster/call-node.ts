import { type ChannelCredentials, status } from "@grpc/grpc-js";
import { ClusterServiceClient } from "@spice-shards/proto";
import { dialReason } from "../tls/dial-reason.ts";

const callTimeoutMs = 5_000;

type Send<R> = (
  client: ClusterServiceClient,
  done: (error: Error | null, response: R) => void,
) => { cancel(): void };

/** One unary call to a node of the cluster with a deadline of 5 s, on a channel of its own. Rejects with the call's error. */
export async function callNode<R>(
  address: string,
  credentials: ChannelCredentials,
  signal: AbortSignal,
  send: Send<R>,
): Promise<R> {
  signal.throwIfAborted();
  const client = new ClusterServiceClient(address, credentials);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]);
  try {
    return await new Promise<R>((resolve, reject) => {
      const call = send(client, (error, response) =>
        error === null ? resolve(response) : reject(explained(error)),
      );
      limit.addEventListener("abort", () => call.cancel(), { once: true });
    });
  } finally {
    client.close();
  }
}

/** The call's error; one that never got a connection, or met a node that starts, says so in plain words. */
function explained(error: Error): Error {
  if ("code" in error && error.code === status.UNIMPLEMENTED) {
    const text = "the node does not serve this call yet: it is starting, or it is not a scheduler";
    return Object.assign(new Error(text, { cause: error }), { code: status.UNIMPLEMENTED });
  }
  const reason = dialReason(error.message);
  if (reason === error.message) return error;
  return Object.assign(new Error(reason, { cause: error }), { code: status.UNAVAILABLE });
}

/** The answer of the first node that gives one. Rejects with the last one's error when none does. */
export async function callAnyNode<R>(
  addresses: Iterable<string>,
  credentials: () => ChannelCredentials,
  signal: AbortSignal,
  send: Send<R>,
): Promise<R> {
  let failure: unknown = new Error("No node is known");
  for (const address of new Set(addresses)) {
    try {
      return await callNode(address, credentials(), signal, send);
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}
