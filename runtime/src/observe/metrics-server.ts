import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Address } from "../core/text/address.ts";
import { mergeMetrics, type NodeMetrics } from "./merge-metrics.ts";
import type { Metrics } from "./metrics.ts";

export interface MetricsServerOptions {
  readonly metrics: Metrics;
  /** On a scheduler: the expositions of all nodes, its own included. Rejecting makes the scrape fail. */
  readonly cluster?: (signal: AbortSignal) => Promise<readonly NodeMetrics[]>;
}

/** Serves `/metrics`, and on a scheduler `/metrics?scope=cluster` (spec chapter 10). */
export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #server: Server;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      const gone = new AbortController();
      response.on("close", () => gone.abort());
      this.#answer(request.method ?? "GET", request.url ?? "/", gone.signal).then(
        ({ status, type, body }) => response.writeHead(status, { "Content-Type": type }).end(body),
        (error: unknown) => {
          const message = String((error as { message?: unknown }).message ?? error);
          response.writeHead(503, { "Content-Type": "text/plain; charset=utf-8" }).end(`${message}\n`);
        },
      );
    });
  }

  /** Bind; rejects with the system's error (`EADDRINUSE`, …). Resolves with the port that was taken. */
  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(address.port, address.host, () => {
        this.#server.off("error", reject);
        resolve({ host: address.host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(method: string, target: string, signal: AbortSignal) {
    const url = new URL(target, "http://node");
    const plain = "text/plain; charset=utf-8";
    if (url.pathname !== "/metrics") return { status: 404, type: plain, body: "Metrics are at /metrics\n" };
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, type: plain, body: "Only GET is allowed\n" };
    }
    const scope = url.searchParams.get("scope") ?? "node";
    const type = "text/plain; version=0.0.4; charset=utf-8";
    if (scope === "node") return { status: 200, type, body: await this.#options.metrics.text() };
    if (scope !== "cluster") return { status: 400, type: plain, body: "scope is node or cluster\n" };
    if (this.#options.cluster === undefined) {
      return { status: 400, type: plain, body: "scope=cluster is available on scheduler nodes only\n" };
    }
    return { status: 200, type, body: mergeMetrics(await this.#options.cluster(signal)) };
  }
}
