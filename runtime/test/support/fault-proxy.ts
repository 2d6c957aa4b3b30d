import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";

export type Fault =
  /** Forward the request, wait until the server has answered it, then cut the connection instead of answering. */
  | { readonly kind: "cut-reply" }
  /** Forward, answer with the headers and this much of the body, then cut the connection. */
  | { readonly kind: "cut-body"; readonly afterBytes: number }
  /** Cut the connection; the server never sees the request. */
  | { readonly kind: "drop" }
  /** Answer with this status instead of forwarding; `code` becomes an S3 error document. */
  | { readonly kind: "status"; readonly status: number; readonly code?: string }
  /** Forward after a while. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Let the answer's body through at this rate. */
  | { readonly kind: "throttle"; readonly bytesPerSecond: number };

export interface FaultRule {
  readonly fault: Fault;
  /** Which requests; all when absent. */
  readonly matches?: (request: ProxiedRequest) => boolean;
  /** How many requests it hits; no limit when absent. */
  readonly times?: number;
}

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

/** An HTTP proxy on loopback before one server, with faults by script. */
export class FaultProxy {
  readonly url: string;
  /** Called with the whole body of each PUT that the server took, before the client learns of it. */
  onWritten: ((request: ProxiedRequest, body: Buffer) => void) | undefined;
  /** Every request that arrived, in order, with the fault that it met. */
  readonly seen: (ProxiedRequest & { fault?: Fault })[] = [];
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stopped = new AbortController();
  #rules: { rule: FaultRule; left: number }[] = [];

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => {
      // Whatever fails on the way is for the client a lost connection, as in a real proxy.
      this.#handle(request, response).catch(() => request.socket.destroy());
    });
  }

  static async start(targetUrl: string): Promise<FaultProxy> {
    const server = createServer({ requestTimeout: 0 });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return new FaultProxy(server, new URL(targetUrl));
  }

  /** Add a rule; of the rules that match a request, the oldest one that has hits left applies. */
  inject(rule: FaultRule): void {
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

  #faultFor(request: ProxiedRequest): Fault | undefined {
    const found = this.#rules.find(({ rule, left }) => left > 0 && (rule.matches?.(request) ?? true));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.rule.fault;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const about = { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
    const fault = this.#faultFor(about);
    this.seen.push(fault === undefined ? about : { ...about, fault });
    if (fault?.kind === "drop") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "status") {
      request.resume();
      await finished(request, { writable: false });
      const body = fault.code === undefined ? "" : errorDocument(fault.code);
      response.writeHead(fault.status, { "content-type": "application/xml" }).end(body);
      return;
    }
    if (fault?.kind === "delay") await this.#wait(fault.ms);
    const body: Buffer[] = [];
    if (this.onWritten !== undefined && request.method === "PUT") {
      request.on("data", (chunk: Buffer) => body.push(chunk));
    }
    const upstream = await this.#forward(request);
    if (upstream.statusCode === 200 && request.method === "PUT") this.onWritten?.(about, Buffer.concat(body));
    if (fault?.kind === "cut-reply") {
      upstream.resume();
      await finished(upstream);
      request.socket.destroy();
      return;
    }
    response.writeHead(upstream.statusCode ?? 502, upstream.statusMessage, upstream.rawHeaders);
    let sent = 0;
    for await (const chunk of upstream as AsyncIterable<Buffer>) {
      if (fault?.kind === "cut-body" && sent + chunk.length > fault.afterBytes) {
        await write(response, chunk.subarray(0, fault.afterBytes - sent));
        request.socket.destroy();
        return;
      }
      if (fault?.kind === "throttle") await this.#wait((1000 * chunk.length) / fault.bytesPerSecond);
      await write(response, chunk);
      sent += chunk.length;
    }
    response.end();
  }

  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopped.signal });
  }

  #forward(request: IncomingMessage): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const onward = httpRequest(
        {
          host: this.#target.hostname,
          port: this.#target.port,
          method: request.method,
          path: request.url,
          // As they came: signatures cover the host and the spelling.
          headers: request.rawHeaders,
          agent: false,
        },
        resolve,
      );
      onward.on("error", reject);
      request.on("error", (error) => onward.destroy(error));
      request.pipe(onward);
    });
  }
}

async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (chunk.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    response.write(chunk, (error) => (error == null ? resolve() : reject(error)));
  });
}

function errorDocument(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Injected ${code}</Message></Error>`;
}
