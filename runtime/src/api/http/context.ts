import type { IncomingMessage, ServerResponse } from "node:http";
import type { SchedulerHttp } from "../../adapters/cluster/public-pins.ts";
import type { Clock } from "../../ports/clock.ts";
import type { NodeInfo } from "../../ports/node-info.ts";
import type { QueryService } from "../../ports/query-service.ts";

/** What the handlers stand on. */
export interface ApiServices {
  readonly queries: QueryService;
  readonly node: NodeInfo;
  readonly clock: Clock;
  /** The most bytes that a request's body may have. */
  readonly bodyLimit: number;
  /** On an executor: the schedulers' public HTTP ports, to which SQL is passed on. */
  readonly schedulers?: () => readonly SchedulerHttp[];
}

/** One request, routed. */
export interface ApiRequest {
  readonly id: string;
  readonly url: URL;
  /** Of the route's `{name}` segments, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly raw: IncomingMessage;
  /** Aborts when the client goes away or the server is forced to stop. */
  readonly signal: AbortSignal;
  readonly services: ApiServices;
}

export type Handler = (request: ApiRequest, response: ServerResponse) => Promise<void>;

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
