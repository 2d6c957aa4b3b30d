import type { ChannelCredentials } from "@grpc/grpc-js";
import type { ExpandSecretResponse } from "@spice-shards/proto";
import type { SecretStores } from "@spice-shards/spicepod";
import { callAnyNode } from "../adapters/cluster/call-node.ts";

/** Secrets that any of the schedulers expands for this executor over mTLS (spec chapter 04, ExpandSecret). */
export function remoteSecrets(
  schedulers: () => readonly string[],
  executorId: string,
  credentials: () => ChannelCredentials,
): SecretStores {
  return {
    async get(store, name, signal) {
      const response = await callAnyNode<ExpandSecretResponse>(
        schedulers(),
        credentials,
        signal ?? AbortSignal.timeout(10_000),
        (client, done) => client.expandSecret({ executorId, key: `${store}:${name}` }, done),
      );
      return response.value;
    },
  };
}
