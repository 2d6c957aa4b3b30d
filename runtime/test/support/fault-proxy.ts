import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { FaultServer, type Rule } from "../../../testbed/proxy/fault-server.ts";

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

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

export type FaultRule = Rule<ProxiedRequest, Fault>;

/** An HTTP proxy on loopback before one server, with faults by script. */
export class FaultProxy extends FaultServer<ProxiedRequest, Fault> {
  /** Called with the whole body of each PUT that the server took, before the client learns of it. */
  onWritten: ((request: ProxiedRequest, body: Buffer) => void) | undefined;
  /** Every request that arrived, in order, with the fault that it met. */
  readonly seen: (ProxiedRequest & { fault?: Fault })[] = [];
  readonly #target: URL;

  private constructor(server: Server, target: URL) {
    super(server, "http");
    this.#target = target;
  }

  static async start(targetUrl: string): Promise<FaultProxy> {
    const server = await FaultServer.listening(createServer({ requestTimeout: 0 }));
    return new FaultProxy(server, new URL(targetUrl));
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const about = { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
    const fault = this.faultFor(about);
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
    await delay(ms, undefined, { signal: this.stopped });
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
