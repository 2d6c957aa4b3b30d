import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Network } from "./network.ts";

export interface LinkProxyOptions {
  /** The node that it stands before. */
  readonly to: string;
  readonly network: Network;
  /** Who dialled from this loopback port; undefined for somebody else. */
  readonly caller: (port: number, toPort: number) => Promise<string | undefined>;
  /** Where the node listens now; undefined while it does not. */
  readonly target: () => { readonly host: string; readonly port: number } | undefined;
}

interface Pair {
  readonly from: string | undefined;
  readonly sockets: readonly [Socket, Socket];
}

/** The TCP proxy before one node, at the address that the node advertises: each caller's link breaks on its own. */
export class LinkProxy {
  readonly port: number;
  readonly #options: LinkProxyOptions;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #unlisten: () => void;

  private constructor(server: Server, options: LinkProxyOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
    this.#unlisten = options.network.onChange(() => this.#apply());
    server.on("connection", (socket) => {
      // A connection whose caller cannot be told is cut: it dials again.
      this.#accept(socket).catch(() => socket.destroy());
    });
  }

  static async start(options: LinkProxyOptions): Promise<LinkProxy> {
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return new LinkProxy(server, options);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#unlisten();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
    await closed;
  }

  async #accept(inner: Socket): Promise<void> {
    inner.on("error", () => inner.destroy());
    const { caller, target, network, to } = this.#options;
    const from = await caller(inner.remotePort ?? 0, this.port);
    const at = target();
    if (at === undefined || inner.destroyed || network.mode(from, to) === "refuse") {
      inner.resetAndDestroy();
      return;
    }
    const outer = connect({ ...at, noDelay: true });
    const pair: Pair = { from, sockets: [inner, outer] };
    this.#pairs.add(pair);
    const passing = () => network.mode(from, to) === "pass";
    for (const [a, b] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      a.on("data", (chunk) => {
        if (!b.write(chunk)) a.pause();
      });
      b.on("drain", () => {
        if (passing()) a.resume();
      });
      a.on("end", () => b.end());
      // The other side learns of a broken connection by the end of its own.
      a.on("error", () => b.destroy());
      a.on("close", () => {
        b.destroy();
        this.#pairs.delete(pair);
      });
      if (passing()) a.resume();
      else a.pause();
    }
  }

  #apply(): void {
    const { network, to } = this.#options;
    for (const { from, sockets } of this.#pairs) {
      const mode = network.mode(from, to);
      for (const socket of sockets) {
        if (mode === "refuse") socket.resetAndDestroy();
        else if (mode === "silent") socket.pause();
        else socket.resume();
      }
    }
  }
}
