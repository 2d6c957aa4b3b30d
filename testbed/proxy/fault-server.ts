import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A fault, and which requests meet it. */
export interface Rule<Request, Fault> {
  readonly fault: Fault;
  /** Which requests; all when absent. */
  readonly matches?: (request: Request) => boolean;
  /** How many requests it hits; no limit when absent. */
  readonly times?: number;
}

/** What proxies with faults have in common, whatever they stand before: a server on loopback, its connections, rules. */
export abstract class FaultServer<Request, Fault> {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stopped = new AbortController();
  #rules: { readonly rule: Rule<Request, Fault>; left: number }[] = [];
  #accepted = 0;

  /** @param server listens already. */
  protected constructor(server: Server, protocol: "http" | "https") {
    this.#server = server;
    this.url = `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on(protocol === "https" ? "secureConnection" : "connection", (socket: Socket) => {
      this.#accepted += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client that goes away in the middle is its own affair.
      socket.on("error", () => {});
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      // Whatever fails on the way is for the client a lost connection, as in a real proxy.
      this.handle(request, response).catch(() => request.socket.destroy());
    });
  }

  /** Let a server listen on a drawn port of loopback. */
  protected static async listening<T extends Server>(server: T): Promise<T> {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  /** Connections accepted so far. */
  get connections(): number {
    return this.#accepted;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Add a rule; of the rules that match a request, the oldest one that has hits left applies. */
  inject(rule: Rule<Request, Fault>): void {
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  /** Drop all rules. */
  heal(): void {
    this.#rules = [];
  }

  /** Cut every connection that is open now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
  }

  /** Answer a request; a rejection cuts its connection. */
  protected abstract handle(request: IncomingMessage, response: ServerResponse): Promise<void>;

  /** Aborted by {@link stop}. */
  protected get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** The fault that a request meets; uses up one hit of its rule. */
  protected faultFor(request: Request): Fault | undefined {
    const found = this.#rules.find(({ rule, left }) => left > 0 && (rule.matches?.(request) ?? true));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.rule.fault;
  }
}
