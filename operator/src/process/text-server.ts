import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { BindAddress } from "./run-options.ts";

export interface TextAnswer {
  readonly code: number;
  readonly text: string;
  readonly type?: string;
}

/** What answers GET for a path. */
export type TextRoutes = Readonly<Record<string, () => TextAnswer | Promise<TextAnswer>>>;

/** A small HTTP server of texts: health and metrics. */
export class TextServer {
  readonly #server: http.Server;

  constructor(routes: TextRoutes) {
    const limits = { headersTimeout: 5000, requestTimeout: 5000 };
    this.#server = http.createServer(limits, (request, response) => {
      const say = ({ code, text, type = "text/plain; charset=utf-8" }: TextAnswer) => {
        response.writeHead(code, { "content-type": type });
        response.end(request.method === "HEAD" ? undefined : text);
      };
      const route = routes[(request.url ?? "").split("?")[0] ?? ""];
      if (route === undefined) return say({ code: 404, text: `Paths: ${Object.keys(routes).join(", ")}\n` });
      if (request.method !== "GET" && request.method !== "HEAD")
        return say({ code: 405, text: "Use GET.\n" });
      Promise.resolve()
        .then(route)
        .then(say, (error: unknown) => say({ code: 500, text: `${(error as Error).message}\n` }));
    });
    this.#server.maxConnections = 128;
  }

  /** @throws Error when the address cannot be listened on. @returns the port */
  async listen({ host, port }: BindAddress): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
