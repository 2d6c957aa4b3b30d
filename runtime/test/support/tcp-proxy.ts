import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What a {@link TcpProxy} does with connections. */
export type TcpMode =
  | "pass"
  /** Close new connections at once; those that exist stay. */
  | "refuse"
  /** Carry no bytes in either direction, of new and existing connections, and close none: a partition. */
  | "silent";

/** A TCP proxy on loopback before one server (gRPC, PostgreSQL, …), whose network can be broken and mended. */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: TcpMode = "pass";

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return new TcpProxy(server, target);
  }

  get mode(): TcpMode {
    return this.#mode;
  }

  set mode(mode: TcpMode) {
    this.#mode = mode;
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        if (mode === "silent") socket.pause();
        else socket.resume();
      }
    }
  }

  /** Reset every connection that is open now. */
  cutAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
  }

  #accept(inner: Socket): void {
    if (this.#mode === "refuse") {
      inner.destroy();
      return;
    }
    const outer = connect(this.#target);
    const pair = [inner, outer] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [outer, inner] as const]) {
      from.on("data", (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on("drain", () => {
        if (this.#mode !== "silent") from.resume();
      });
      from.on("end", () => to.end());
      // An error here is a connection that broke: the other side learns of it by its own connection's end.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#mode === "silent") {
      inner.pause();
      outer.pause();
    }
  }
}
