import { type ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { ClusterServiceClient } from "@spice-shards/proto";
import type { ClusterDocument } from "../../core/cluster/document.ts";
import type { ClusterState } from "../state/cluster-state.ts";

export interface PeerNewsOptions {
  readonly state: ClusterState;
  /** Credentials for a new channel to another scheduler. */
  readonly credentials: () => ChannelCredentials;
  /** A peer could not be told; it finds out by its own poll. */
  readonly onError: (scheduler: string, error: unknown) => void;
}

const deadlineMs = 2_000;

/**
 * Tells the other schedulers of every revision that this one wrote, so that they read it at once instead of with
 * their next poll (spec chapter 04, Schedulers). Best effort: nothing depends on its arrival but time.
 */
export class PeerNews {
  readonly #options: PeerNewsOptions;
  readonly #clients = new Map<string, ClusterServiceClient>();
  readonly #unsubscribe: () => void;
  #toldSequence: number;

  constructor(options: PeerNewsOptions) {
    this.#options = options;
    // What was written before, at the registration, is news as well.
    this.#toldSequence = -1;
    this.#unsubscribe = options.state.subscribe(({ document }) => this.#tell(document));
    this.#tell(options.state.document);
  }

  close(): void {
    this.#unsubscribe();
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #tell(document: ClusterDocument): void {
    const { schedulerId, instanceId } = this.#options.state;
    const own = document.schedulers[schedulerId];
    if (own?.instance_id !== instanceId || own.last_write_seq <= this.#toldSequence) return;
    this.#toldSequence = own.last_write_seq;
    const peers = new Map(
      Object.values(document.schedulers)
        .filter((s) => s.scheduler_id !== schedulerId)
        .map((s) => [s.advertise_address, s.scheduler_id]),
    );
    for (const [address, client] of this.#clients) {
      if (peers.has(address)) continue;
      client.close();
      this.#clients.delete(address);
    }
    const news = { schedulerId, revision: document.revision, suspectedExecutors: [] };
    for (const [address, peer] of peers) {
      const limit = { deadline: Date.now() + deadlineMs };
      this.#client(address).peerNews(news, new Metadata(), limit, (error) => {
        if (error !== null) this.#options.onError(peer, error);
      });
    }
  }

  #client(address: string): ClusterServiceClient {
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = new ClusterServiceClient(address, this.#options.credentials());
      this.#clients.set(address, client);
    }
    return client;
  }
}
