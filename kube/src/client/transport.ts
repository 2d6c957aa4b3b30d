import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { ConnectionError } from "./status-error.ts";

/** Who we are and whom we trust. */
export interface ConnectionMaterial {
  /** `authorization`, if any. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where {@link ConnectionMaterial} comes from; it changes while a process runs. */
export interface Credentials {
  /** What is valid now. Asked before every request, so it caches. */
  current(): Promise<ConnectionMaterial>;
  /** The server refused what was current: read it again. */
  invalidate(): void;
}

export interface TransportRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, also while its answer is read. */
  readonly signal: AbortSignal;
}

/** An answer whose body has yet to be read to its end, or ended by the request's signal. */
export interface TransportResponse {
  readonly code: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: AsyncIterable<string>;
}

/**
 * One set of connections to an API server, kept open and shared by all requests. When certificates or trust
 * change, new requests use new connections, and old ones end with the requests that use them.
 */
export class Transport {
  readonly #server: URL;
  readonly #credentials: Credentials;
  #pool: { readonly fingerprint: string; readonly agent: http.Agent } | undefined;

  constructor(options: { server: URL; credentials: Credentials }) {
    this.#server = options.server;
    this.#credentials = options.credentials;
  }

  /**
   * Sends a request; resolves when the head of the answer is there, whatever its code.
   *
   * @throws ConnectionError when no answer came; the signal's reason when it was aborted.
   */
  async request(request: TransportRequest): Promise<TransportResponse> {
    const { signal } = request;
    signal.throwIfAborted();
    const material = await this.#credentials.current();
    signal.throwIfAborted();
    const agent = this.#agentFor(material.tls);
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const base = this.#server.pathname.replace(/\/$/, "");
      const module = this.#server.protocol === "http:" ? http : https;
      const outgoing = module.request(
        {
          agent,
          method: request.method,
          host: this.#server.hostname.replace(/^\[|\]$/g, ""),
          port: this.#server.port,
          path: base + request.path,
          headers: {
            ...request.headers,
            ...material.headers,
            ...(request.body === undefined ? {} : { "content-length": Buffer.byteLength(request.body) }),
          },
        },
        (incoming) => {
          answered = incoming;
          resolve(incoming);
        },
      );
      let answered: http.IncomingMessage | undefined;
      const onAbort = () => {
        const reason = toError(signal.reason);
        if (answered === undefined) outgoing.destroy(reason);
        else answered.destroy(reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      outgoing.on("close", () => signal.removeEventListener("abort", onAbort));
      outgoing.on("error", (cause) => {
        const why = `${request.method} ${request.path}: no answer: ${cause.message}`;
        reject(signal.aborted ? signal.reason : new ConnectionError(why, { cause }));
      });
      outgoing.end(request.body);
    });
    return {
      code: response.statusCode ?? 0,
      headers: response.headers,
      text: textOf(response, request),
    };
  }

  /** The server refused the credentials. */
  invalidateCredentials(): void {
    this.#credentials.invalidate();
  }

  /** Closes all connections; requests that are under way fail. */
  close(): void {
    this.#pool?.agent.destroy();
    this.#pool = undefined;
  }

  #agentFor(tls: TlsMaterial): http.Agent {
    const fingerprint = fingerprintOf(tls);
    if (this.#pool?.fingerprint === fingerprint) return this.#pool.agent;
    if (this.#pool !== undefined) retire(this.#pool.agent);
    const options = {
      keepAlive: true,
      keepAliveMsecs: 30_000,
      maxFreeSockets: 16,
      scheduling: "lifo" as const,
    };
    const agent =
      this.#server.protocol === "http:" ? new http.Agent(options) : new https.Agent({ ...options, ...tls });
    this.#pool = { fingerprint, agent };
    return agent;
  }
}

/** Lets connections in use end with their request, and closes idle ones now. */
function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

function fingerprintOf(tls: TlsMaterial): string {
  const hash = createHash("sha256");
  for (const part of [tls.ca, tls.cert, tls.key, tls.passphrase, tls.servername]) {
    hash.update(part === undefined ? "-" : `+${part.toString().length}:`);
    if (part !== undefined) hash.update(part);
  }
  return hash.update(String(tls.rejectUnauthorized)).digest("base64");
}

async function* textOf(response: http.IncomingMessage, request: TransportRequest): AsyncGenerator<string> {
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) yield chunk as string;
  } catch (cause) {
    if (request.signal.aborted) throw request.signal.reason;
    throw new ConnectionError(`${request.method} ${request.path}: the answer broke off`, { cause });
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
}
