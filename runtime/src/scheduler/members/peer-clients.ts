import { type ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { ClusterServiceClient, type PeerNewsRequest, type PeerNewsResponse } from "@spice-shards/proto";
import type { ClusterDocument } from "../../core/cluster/document/document.ts";

const deadlineMs = 2_000;

const channelOptions = {
  // A connection that was cut without a word is dialled anew, and one to a scheduler that comes back soon after it does.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.initial_reconnect_backoff_ms": 500,
  "grpc.max_reconnect_backoff_ms": 5_000,
} as const;

/** Channels to the other schedulers, one each, opened when first needed. */
export class PeerClients {
  readonly #credentials: () => ChannelCredentials;
  readonly #clients = new Map<string, ClusterServiceClient>();

  /** `credentials`: for a new channel to another scheduler. */
  constructor(credentials: () => ChannelCredentials) {
    this.#credentials = credentials;
  }

  /** Tell the scheduler at `address` something and ask it; rejects when it does not answer within 2 s. */
  peerNews(address: string, request: PeerNewsRequest): Promise<PeerNewsResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<PeerNewsResponse>();
    const limit = { deadline: Date.now() + deadlineMs };
    this.#client(address).peerNews(request, new Metadata(), limit, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
    return promise;
  }

  /** Close the channels to schedulers that the document no longer has. */
  prune(document: ClusterDocument): void {
    const addresses = new Set(Object.values(document.schedulers).map((s) => s.advertise_address));
    for (const [address, client] of this.#clients) {
      if (addresses.has(address)) continue;
      client.close();
      this.#clients.delete(address);
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #client(address: string): ClusterServiceClient {
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = new ClusterServiceClient(address, this.#credentials(), channelOptions);
      this.#clients.set(address, client);
    }
    return client;
  }
}
