import type { ChannelCredentials } from "@grpc/grpc-js";
import type { GetSchedulersResponse, SchedulerInstance } from "@spice-shards/proto";
import { callNode } from "./call-node.ts";

/** Label of a scheduler whose public HTTP port speaks TLS. */
export const httpTlsLabel = "http_tls";
/** Label that a scheduler gives of itself alone: SHA-256 of the leaf that its public port shows now, in hex. */
export const httpTlsLeafLabel = "http_tls_sha256";

/** Where the public HTTP port of a scheduler is. */
export interface SchedulerHttp {
  /** `host:port`. */
  readonly address: string;
  /** Present when the port speaks TLS. */
  readonly tls?: {
    /**
     * SHA-256 of the leaf that the port shows, in lower-case hex: as known, or with `fresh` asked now. Rejects when the
     * scheduler does not answer.
     */
    leafSha256(fresh: boolean, signal: AbortSignal): Promise<string>;
  };
}

/**
 * What the public ports of the schedulers show as their certificate. Anybody's CA may have signed it, so each scheduler
 * is asked for it over the cluster's own channel, whose certificates are checked, when it is needed and again when it
 * has changed.
 */
export class PublicPins {
  readonly #credentials: () => ChannelCredentials;
  readonly #known = new Map<string, Promise<string>>();

  constructor(credentials: () => ChannelCredentials) {
    this.#credentials = credentials;
  }

  /** The public HTTP ports of these schedulers. */
  of(schedulers: readonly SchedulerInstance[]): SchedulerHttp[] {
    const ids = new Set(schedulers.map((s) => s.schedulerId));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    return schedulers.flatMap((scheduler) => {
      const address = scheduler.labels["http_address"];
      if (address === undefined) return [];
      if (scheduler.labels[httpTlsLabel] !== "true") return [{ address }];
      const leafSha256 = (fresh: boolean, signal: AbortSignal) => this.#leaf(scheduler, fresh, signal);
      return [{ address, tls: { leafSha256 } }];
    });
  }

  #leaf({ schedulerId, advertiseAddress }: SchedulerInstance, fresh: boolean, signal: AbortSignal) {
    const known = this.#known.get(schedulerId);
    if (known !== undefined && !fresh) return known;
    const asked = this.#ask(schedulerId, advertiseAddress, signal);
    this.#known.set(schedulerId, asked);
    // What failed is asked again by the next request.
    asked.catch(() => {
      if (this.#known.get(schedulerId) === asked) this.#known.delete(schedulerId);
    });
    return asked;
  }

  async #ask(schedulerId: string, advertiseAddress: string, signal: AbortSignal): Promise<string> {
    const { schedulers } = await callNode<GetSchedulersResponse>(
      advertiseAddress,
      this.#credentials(),
      signal,
      (client, done) => client.getSchedulers({}, done),
    );
    const leaf = schedulers.find((s) => s.schedulerId === schedulerId)?.labels[httpTlsLeafLabel];
    if (leaf === undefined) throw new Error(`Scheduler ${schedulerId} does not tell its public certificate`);
    return leaf;
  }
}
