import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SchedulerHttp } from "../../adapters/cluster/public-pins.ts";
import { JointAbort } from "../../adapters/system/joint-abort.ts";
import type { Address } from "../../core/text/address.ts";
import type { Logger } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { parseTraceparent } from "../../observe/trace-context.ts";
import type { Clock } from "../../ports/clock.ts";
import type { NodeInfo } from "../../ports/node-info.ts";
import type { QueryService } from "../../ports/query-service.ts";
import type { ApiServices, Handler } from "./context.ts";
import { type HttpError, toHttpError } from "./http-error.ts";
import { type Match, Router } from "./router.ts";
import { routes } from "./routes.ts";

export interface HttpServerOptions {
  readonly queries: QueryService;
  readonly node: NodeInfo;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** PEM; plain HTTP when absent. */
  readonly tls?: PemPair;
  /** The most bytes that a request's body may have; 16 MiB when absent. */
  readonly bodyLimit?: number;
  /** On an executor: the schedulers' public HTTP ports, to which SQL is passed on. */
  readonly schedulers?: () => readonly SchedulerHttp[];
}

/** A leaf with its chain, and its key. */
interface PemPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** The public HTTP API of one node. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #services: ApiServices;
  readonly #router = new Router<Handler>(routes);
  readonly #server: Server | TlsServer;
  /** Aborts the work of every request that still runs when the server is forced to stop. */
  readonly #force = new AbortController();
  #active = 0;
  #closing: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { queries, node, clock, bodyLimit = 16 * 1024 * 1024 } = options;
    this.#services = {
      queries,
      node,
      clock,
      bodyLimit,
      ...(options.schedulers === undefined ? {} : { schedulers: options.schedulers }),
    };
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response);
    };
    this.#server =
      options.tls === undefined
        ? createServer({ keepAliveTimeout: 65_000 }, listener)
        : createTlsServer({ ...options.tls, keepAliveTimeout: 65_000 }, listener);
  }

  /** Requests that are running. */
  get activeRequests(): number {
    return this.#active;
  }

  /** Bind; rejects with the system's error (`EADDRINUSE`, …). Resolves with the address that was taken. */
  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(address.port, address.host, () => {
        this.#server.off("error", reject);
        resolve({ host: address.host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /** Serve with another certificate from the next connection on; those that are open go on with theirs. */
  setCertificate(tls: PemPair): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(tls);
  }

  /**
   * Tell clients to go away, stop accepting connections after `lingerMs`, let running requests finish until `graceMs` are
   * over, then abort them. A second call aborts at once. Resolves when nothing runs any more.
   */
  close(graceMs: number, lingerMs = 0): Promise<void> {
    if (this.#closing !== undefined) {
      this.#forceClosed("The server is stopping");
      return this.#closing;
    }
    this.#closing = this.#close(graceMs, Math.min(lingerMs, graceMs));
    return this.#closing;
  }

  async #close(graceMs: number, lingerMs: number): Promise<void> {
    // Cut short by the abort of a second call.
    if (lingerMs > 0) await this.#options.clock.sleep(lingerMs, this.#force.signal).catch(() => undefined);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // One whose request still ran when it was told to close is kept alive by its client.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 100);
    const timer = setTimeout(() => this.#forceClosed("The server is stopping"), graceMs - lingerMs);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
  }

  #forceClosed(reason: string): void {
    this.#force.abort(new Error(reason));
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, metrics } = this.#options;
    const started = clock.monotonicMs();
    const id = requestId(request);
    response.setHeader("X-Request-Id", id);
    if (this.#closing !== undefined) response.setHeader("Connection", "close");
    const joint = new JointAbort();
    const { signal } = joint;
    joint.follow(this.#force.signal);
    response.on("close", () => {
      if (!response.writableFinished) joint.abort(new ClientGoneError());
    });
    let match: Match<Handler> | undefined;
    this.#active += 1;
    try {
      const url = new URL(request.url ?? "/", "http://node");
      match = this.#router.match(request.method ?? "GET", url.pathname);
      const { params, route } = match;
      await route.handler({ id, url, params, raw: request, signal, services: this.#services }, response);
    } catch (error) {
      this.#fail(request, response, signal.reason instanceof ClientGoneError ? signal.reason : error, id);
    } finally {
      joint.letGo();
      this.#active -= 1;
      const method = match?.route.method ?? "other";
      const labels = { method, route: match?.route.path ?? "other", status: String(response.statusCode) };
      const duration = clock.monotonicMs() - started;
      metrics.histogram("http_requests_duration_ms").observe(labels, duration);
      this.#options.logger.debug(
        { request_id: id, ...labels, duration_ms: Math.round(duration), ...traceField(request) },
        "HTTP request",
      );
    }
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown, id: string): void {
    const { logger } = this.#options;
    const fields = { request_id: id, ...traceField(request) };
    if (error instanceof ClientGoneError) {
      logger.debug(fields, "The client went away");
      response.destroy();
      return;
    }
    if (response.headersSent) {
      logger.warn({ ...fields, err: error }, "A response broke off after its first bytes");
      response.destroy();
      return;
    }
    const answer = toHttpError(error);
    if (answer.status >= 500 && answer.status !== 501 && answer.status !== 503) {
      logger.error({ ...fields, err: error }, "A request failed");
    }
    sendError(response, answer);
    // What is left of the body is not wanted; the connection cannot be used again before it was read.
    if (!request.complete) request.resume();
  }
}

/** The client closed its connection before it had the whole answer. */
class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}

function sendError(response: ServerResponse, error: HttpError): void {
  response
    .writeHead(error.status, { "Content-Type": "text/plain; charset=utf-8", ...error.headers })
    .end(error.message);
}

/** The client's own id when it is a plain one, so that its logs and ours meet. */
function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

function traceField(request: IncomingMessage): { trace_id?: string } {
  const header = request.headers["traceparent"];
  const context = parseTraceparent(typeof header === "string" ? header : undefined);
  return context === undefined ? {} : { trace_id: context.traceId };
}
