import { type Fault, FaultProxy } from "../support/fault-proxy.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";
import { LinkProxy } from "./link-proxy.ts";
import type { Network } from "./network.ts";

/** One scheduler's way to the store: a link that can be cut, then a proxy with HTTP faults. */
interface Way {
  readonly link: LinkProxy;
  readonly faults: FaultProxy;
}

/** A real S3 server for the cluster's state; each scheduler reaches it by a way of its own. */
export class StateStore {
  readonly #server: S3TestServer;
  readonly #ways = new Map<string, Way>();
  readonly #network: Network;
  readonly #onDocument: (text: string) => void;

  private constructor(server: S3TestServer, network: Network, onDocument: (text: string) => void) {
    this.#server = server;
    this.#network = network;
    this.#onDocument = onDocument;
  }

  /** Start a server; `onDocument` is told each text of `cluster.json` that it took. */
  static async start(network: Network, onDocument: (text: string) => void): Promise<StateStore> {
    return new StateStore(await startS3Server(), network, onDocument);
  }

  get location(): string {
    return `s3://${this.#server.bucket}/state/`;
  }

  get key(): { readonly access: string; readonly secret: string } {
    return { access: this.#server.accessKey, secret: this.#server.secretKey };
  }

  /** The endpoint for one scheduler; the link is `{node} → s3` in the network. */
  async endpoint(node: string): Promise<string> {
    const way = this.#ways.get(node) ?? (await this.#open(node));
    return `http://${way.link.address}`;
  }

  /** Let requests of these nodes meet `fault`: all, or those with this method; each with this probability. */
  inject(nodes: readonly string[], fault: Fault, on: { method?: string; hits?: () => boolean } = {}): void {
    for (const node of nodes) {
      this.#ways.get(node)?.faults.inject({
        fault,
        matches: ({ method }) => (on.method === undefined || on.method === method) && (on.hits?.() ?? true),
      });
    }
  }

  heal(): void {
    for (const { faults } of this.#ways.values()) faults.heal();
  }

  async stop(): Promise<void> {
    for (const { link, faults } of this.#ways.values()) {
      await link.stop();
      await faults.stop();
    }
    await this.#server.stop();
  }

  async #open(node: string): Promise<Way> {
    const faults = await FaultProxy.start(this.#server.endpoint);
    faults.onWritten = ({ path }, body) => {
      if (path.split("?")[0]!.endsWith("/state/cluster.json")) this.#onDocument(body.toString("utf8"));
    };
    const { hostname, port } = new URL(faults.url);
    const link = await LinkProxy.start({
      to: "s3",
      network: this.#network,
      caller: async () => node,
      target: () => ({ host: hostname, port: Number(port) }),
    });
    const way = { link, faults };
    this.#ways.set(node, way);
    return way;
  }
}
