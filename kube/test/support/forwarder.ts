import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Carries connections from one address of loopback to another: what kube-proxy does for a service. */
export class Forwarder {
  /** Where connections go from now on: `host:port`. */
  target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.target = target;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Listens at once; port 0 draws one. */
  static async start(host: string, port: number, target: string): Promise<Forwarder> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, host, resolve);
    });
    return new Forwarder(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(inner: Socket): void {
    const [host = "", port] = this.target.split(":");
    const outer = connect(Number(port), host);
    for (const [socket, other] of [[inner, outer] as const, [outer, inner] as const]) {
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      // The other side learns of it by the end of its own connection.
      socket.on("error", () => other.destroy());
      socket.pipe(other);
    }
  }
}
