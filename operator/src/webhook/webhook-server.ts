import { once } from "node:events";
import type http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { PemPair } from "@spice-shards/certificates";

/** The path that reviews are sent to. */
export const validatePath = "/validate-spicepodcluster";
/** A review holds an object twice, and the API server takes objects of at most 3 MiB. */
const bodyLimit = 8 * 1024 * 1024;

export interface WebhookServerOptions {
  /** Answers a body; never throws. */
  readonly handle: (body: string) => Promise<{ readonly code: number; readonly text: string }>;
  readonly bodyLimit?: number;
}

/** The body is larger than the limit. */
class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** The HTTPS server that the API server calls. Its certificate can change while it runs. */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #server: https.Server;
  #closing = false;

  constructor(options: WebhookServerOptions, leaf: PemPair) {
    this.#options = options;
    this.#server = https.createServer(
      {
        ...material(leaf),
        minVersion: "TLSv1.2",
        headersTimeout: 5000,
        requestTimeout: 10_000,
        keepAliveTimeout: 60_000,
      },
      (request, response) => {
        this.#serve(request, response).catch(() => response.destroy()); // The caller has gone.
      },
    );
    this.#server.maxConnections = 256;
    // What is not TLS, or does not trust us, is the caller's matter.
    this.#server.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** New connections get this certificate from now on. */
  setCertificate(leaf: PemPair): void {
    this.#server.setSecureContext({ ...material(leaf), minVersion: "TLSv1.2" });
  }

  /** @throws Error when the address cannot be listened on. @returns the port */
  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    this.#server.listen(address.port, address.host);
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections, answers what is under way for at most `graceMs`, then closes. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const say = (code: number, text: string, type = "text/plain; charset=utf-8") => {
      const last: http.OutgoingHttpHeaders = this.#closing || code === 413 ? { connection: "close" } : {};
      response.writeHead(code, { "content-type": type, ...last });
      response.end(text);
    };
    const path = (request.url ?? "").split("?")[0];
    if (path !== validatePath) return say(404, `Reviews go to ${validatePath}.\n`);
    if (request.method !== "POST") return say(405, "Reviews are sent with POST.\n");
    if (!(request.headers["content-type"] ?? "").startsWith("application/json"))
      return say(415, "Reviews are application/json.\n");
    const limit = this.#options.bodyLimit ?? bodyLimit;
    let body: string;
    try {
      body = await readBody(request, limit);
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      return say(413, `A review can have at most ${limit} bytes.\n`);
    }
    const { code, text } = await this.#options.handle(body);
    say(code, text, code === 200 ? "application/json" : undefined);
  }
}

function material({ certificate, key }: PemPair): { cert: string; key: string } {
  return { cert: certificate, key };
}

async function readBody(request: http.IncomingMessage, limit: number): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > limit) throw new TooLargeError();
  const chunks: Buffer[] = [];
  let size = 0;
  // The connection is kept for the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new TooLargeError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
