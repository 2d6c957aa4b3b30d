import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer, request as onwards, type Server } from "node:https";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { FaultServer, type Rule } from "../../../testbed/proxy/fault-server.ts";
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

export type FaultRule = Rule<ProxiedRequest, Fault>;

/** A proxy with TLS before an {@link ApiServer}, with faults by rules. It speaks HTTP/1.1, to kubectl as well. */
export class FaultProxy extends FaultServer<ProxiedRequest, Fault> {
  /** Every request that arrived, in order. */
  readonly seen: ProxiedRequest[] = [];
  readonly #api: ApiServer;

  private constructor(server: Server, api: ApiServer) {
    super(server, "https");
    this.#api = api;
  }

  static async start(api: ApiServer): Promise<FaultProxy> {
    const { certificate: cert, key } = await api.pki.issue(["127.0.0.1", "localhost"]);
    const options = { cert, key, ALPNProtocols: ["http/1.1"], requestTimeout: 0 };
    return new FaultProxy(await FaultServer.listening(createTlsServer(options)), api);
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const about = { method: request.method ?? "", path: request.url ?? "", at: performance.now() };
    const fault = this.faultFor(about);
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
    if (fault?.kind === "delay") await delay(fault.ms, undefined, { signal: this.stopped });
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
