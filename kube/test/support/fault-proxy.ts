import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer, request as onwards, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "./api-server.ts";

export type Fault =
  /** Forward after a while. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Answer so instead of forwarding, as the API server does. */
  | {
      readonly kind: "status";
      readonly code: number;
      readonly reason?: string;
      /** Seconds. */
      readonly retryAfter?: number;
    }
  /** Cut the connection; the server never sees the request. */
  | { readonly kind: "drop" }
  /** Forward, wait until the server has answered, then cut the connection instead of answering. */
  | { readonly kind: "cut-reply" }
  /** Forward, but let nothing of the answer's body through: a watch that has silently died. */
  | { readonly kind: "silent" };

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** When it arrived, in milliseconds of `performance.now()`. */
  readonly at: number;
}

export interface FaultRule {
  readonly fault: Fault;
  /** Which requests; all when absent. */
  readonly matches?: (request: ProxiedRequest) => boolean;
  /** How many requests it hits; no limit when absent. */
  readonly times?: number;
}

/** A proxy with TLS before an {@link ApiServer}, with faults by rules. It speaks HTTP/1.1, to kubectl as well. */
export class FaultProxy {
  readonly url: string;
  /** Every request that arrived, in order. */
  readonly seen: ProxiedRequest[] = [];
  /** Connections accepted so far. */
  connections = 0;
  readonly #api: ApiServer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stopped = new AbortController();
  #rules: { readonly rule: FaultRule; left: number }[] = [];

  private constructor(server: Server, api: ApiServer) {
    this.#api = api;
    this.#server = server;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("secureConnection", (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client that goes away in the middle is its own affair.
      socket.on("error", () => {});
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      // Whatever fails on the way is a lost connection for the client, as in a real proxy.
      this.#handle(request, response).catch(() => request.socket.destroy());
    });
  }

  static async start(api: ApiServer): Promise<FaultProxy> {
    const { certificate, key } = await api.pki.issue(["127.0.0.1", "localhost"]);
    const server = createTlsServer({
      cert: certificate,
      key,
      ALPNProtocols: ["http/1.1"],
      requestTimeout: 0,
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return new FaultProxy(server, api);
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Adds a rule; of the rules that match a request, the oldest one that has hits left applies. */
  inject(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  /** Drops all rules. */
  heal(): void {
    this.#rules = [];
  }

  /** Cuts every connection that is open now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
  }

  #faultFor(request: ProxiedRequest): Fault | undefined {
    const found = this.#rules.find(({ rule, left }) => left > 0 && (rule.matches?.(request) ?? true));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.rule.fault;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const about = { method: request.method ?? "", path: request.url ?? "", at: performance.now() };
    const fault = this.#faultFor(about);
    this.seen.push(about);
    if (fault?.kind === "drop") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "status") {
      request.resume();
      await finished(request, { writable: false });
      answer(response, fault);
      return;
    }
    if (fault?.kind === "delay") await delay(fault.ms, undefined, { signal: this.#stopped.signal });
    const upstream = await this.#forward(request, response);
    if (fault?.kind === "cut-reply") {
      upstream.resume();
      await finished(upstream);
      request.socket.destroy();
      return;
    }
    response.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders);
    // The head of a watch goes out before its first event.
    response.flushHeaders();
    if (fault?.kind === "silent") {
      upstream.resume();
      await finished(response);
      return;
    }
    upstream.on("error", () => request.socket.destroy());
    upstream.pipe(response);
    await finished(response);
  }

  #forward(request: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const onward = onwards(
        `${this.#api.url}${request.url}`,
        { method: request.method, headers: request.headers, ca: this.#api.pki.ca, agent: false },
        resolve,
      );
      onward.once("error", reject);
      // A watch whose client has gone away ends at the server too.
      response.once("close", () => onward.destroy());
      request.pipe(onward);
    });
  }
}

function answer(response: ServerResponse, { code, reason, retryAfter }: Fault & { kind: "status" }): void {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    message: `injected ${code}`,
    ...(reason === undefined ? {} : { reason }),
    code,
  };
  const headers = {
    "content-type": "application/json",
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
  };
  response.writeHead(code, headers).end(JSON.stringify(status));
}
