import {
  type Credentials,
  LeadershipLostError,
  Transport,
  type TransportRequest,
  type TransportResponse,
} from "@spice-shards/kube";

/**
 * The connections of one term. A write is refused as soon as another may lead: a process that was paused learns of it
 * later than its own timers.
 */
export class FencedTransport extends Transport {
  readonly #isValid: () => boolean;

  constructor(options: { server: URL; credentials: Credentials; isValid: () => boolean }) {
    super(options);
    this.#isValid = options.isValid;
  }

  /** @throws LeadershipLostError for a write that comes too late; and as a plain transport does */
  override request(request: TransportRequest): Promise<TransportResponse> {
    if (request.method !== "GET" && !this.#isValid())
      return Promise.reject(
        new LeadershipLostError(`${request.method} ${request.path}: leadership was lost`),
      );
    return super.request(request);
  }
}
