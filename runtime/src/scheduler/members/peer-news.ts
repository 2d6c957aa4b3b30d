import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import type { PeerClients } from "./peer-clients.ts";

export interface PeerNewsOptions {
  readonly state: ClusterState;
  readonly clients: PeerClients;
  /** A peer could not be told; it finds out by its own poll. */
  readonly onError: (scheduler: string, error: unknown) => void;
}

/**
 * Tells the other schedulers of every revision that this one wrote, so that they read it at once instead of with
 * their next poll (spec chapter 04, Schedulers). Best effort: nothing depends on its arrival but time.
 */
export class PeerNews {
  readonly #options: PeerNewsOptions;
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
  }

  #tell(document: ClusterDocument): void {
    const { state, clients, onError } = this.#options;
    const { schedulerId, instanceId } = state;
    clients.prune(document);
    const own = document.schedulers[schedulerId];
    if (own?.instance_id !== instanceId || own.last_write_seq <= this.#toldSequence) return;
    this.#toldSequence = own.last_write_seq;
    const news = { schedulerId, revision: document.revision, suspectedExecutors: [], condition: "" };
    for (const { scheduler_id: peer, advertise_address: address } of Object.values(document.schedulers)) {
      if (peer === schedulerId) continue;
      clients.peerNews(address, news).catch((error: unknown) => onError(peer, error));
    }
  }
}
