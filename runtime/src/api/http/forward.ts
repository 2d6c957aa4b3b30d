import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { QueryUnavailableError } from "../../ports/query-service.ts";
import { readText } from "./body.ts";
import type { ApiRequest } from "./context.ts";
import { toHttpError } from "./http-error.ts";

const forwardedHeaders = ["content-type", "accept", "traceparent", "x-request-id"] as const;

/**
 * Pass a request on to the first scheduler that can be reached, and its answer back as it comes: an executor never
 * answers SQL from its own part alone (spec chapter 07).
 */
export async function forward(
  request: ApiRequest,
  response: ServerResponse,
  schedulers: readonly string[],
): Promise<void> {
  const body = Buffer.from(await readText(request.raw, request.services.bodyLimit));
  let failure: unknown;
  for (const scheduler of schedulers) {
    try {
      const answer = await send(
        request,
        `http://${scheduler}${request.url.pathname}${request.url.search}`,
        body,
      );
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      await pipeline(answer, response, { signal: request.signal });
      return;
    } catch (error) {
      if (response.headersSent || request.signal.aborted) throw error;
      failure = error;
    }
  }
  const named = schedulers.length === 0 ? "no scheduler is known yet" : `asked ${schedulers.join(", ")}`;
  throw toHttpError(
    new QueryUnavailableError(`This executor passes SQL to a scheduler, and none could be reached: ${named}`),
    String(failure ?? ""),
  );
}

function send(request: ApiRequest, url: string, body: Uint8Array): Promise<IncomingMessage> {
  const headers: Record<string, string> = { "content-length": String(body.byteLength) };
  for (const name of forwardedHeaders) {
    const value = request.raw.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, {
      method: request.raw.method ?? "POST",
      headers,
      signal: request.signal,
    });
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
