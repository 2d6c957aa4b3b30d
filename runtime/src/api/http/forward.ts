import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { connect, type TLSSocket } from "node:tls";
import type { SchedulerHttp } from "../../adapters/cluster/public-pins.ts";
import { hex } from "../../adapters/tls/fingerprints.ts";
import { parseAddress } from "../../core/text/address.ts";
import { messageOf } from "../../core/text/message-of.ts";
import { QueryUnavailableError } from "../../ports/query-service.ts";
import { readText } from "./body.ts";
import type { ApiRequest } from "./context.ts";
import { toHttpError } from "./http-error.ts";

const forwardedHeaders = ["content-type", "accept", "traceparent", "x-request-id"] as const;

/** The port shows another certificate than its scheduler says: it is not that scheduler, and gets nothing. */
export class UnexpectedCertificateError extends Error {
  override readonly name = "UnexpectedCertificateError";
  constructor(address: string, shown: string, expected: string) {
    super(
      `${address} shows a certificate with the fingerprint ${shown}, and its scheduler says that it is ${expected}: nothing was sent to it`,
    );
  }
}

/**
 * Pass a request on to the first scheduler that can be reached, and its answer back as it comes: an executor never
 * answers SQL from its own part alone (spec chapter 07). Where the scheduler's port speaks TLS, so does this.
 */
export async function forward(
  request: ApiRequest,
  response: ServerResponse,
  schedulers: readonly SchedulerHttp[],
): Promise<void> {
  const body = Buffer.from(await readText(request.raw, request.services.bodyLimit));
  let failure: unknown;
  for (const scheduler of schedulers) {
    try {
      const answer = await send(request, scheduler, body);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      await pipeline(answer, response, { signal: request.signal });
      return;
    } catch (error) {
      if (response.headersSent || request.signal.aborted) throw error;
      failure = error;
    }
  }
  const asked = schedulers.map(({ address }) => address).join(", ");
  const named = schedulers.length === 0 ? "no scheduler is known yet" : `asked ${asked}`;
  const why = failure === undefined ? "" : `; ${messageOf(failure)}`;
  throw toHttpError(
    new QueryUnavailableError(
      `This executor passes SQL to a scheduler, and none could be reached: ${named}${why}`,
    ),
    String(failure ?? ""),
  );
}

async function send(
  request: ApiRequest,
  { address, tls }: SchedulerHttp,
  body: Uint8Array,
): Promise<IncomingMessage> {
  const headers: Record<string, string> = { "content-length": String(body.byteLength) };
  for (const name of forwardedHeaders) {
    const value = request.raw.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  const socket = tls === undefined ? undefined : await secure(address, tls, request.signal);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`http://${address}${request.url.pathname}${request.url.search}`, {
      method: request.raw.method ?? "POST",
      headers,
      signal: request.signal,
      ...(socket === undefined ? {} : { createConnection: () => socket }),
    });
    outgoing.once("response", resolve);
    outgoing.once("error", (error) => {
      socket?.destroy();
      reject(error);
    });
    outgoing.end(body);
  });
}

/** A connection to the very port of the scheduler; asks for its certificate again when that may have been renewed. */
async function secure(
  address: string,
  { leafSha256 }: NonNullable<SchedulerHttp["tls"]>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = await handshake(address, signal);
  try {
    const shown = hex(socket.getPeerCertificate().fingerprint256);
    if (shown === (await leafSha256(false, signal))) return socket;
    const expected = await leafSha256(true, signal);
    if (shown === expected) return socket;
    throw new UnexpectedCertificateError(address, shown, expected);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Nothing is sent before the caller has compared the certificate, whoever signed it. */
function handshake(address: string, signal: AbortSignal): Promise<TLSSocket> {
  const target = parseAddress(address);
  if (target === undefined) throw new TypeError(`${address} is no address`);
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, rejectUnauthorized: false, timeout: handshakeTimeoutMs });
    const failed = (error: Error) => {
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      reject(error);
    };
    const aborted = () => failed(signal.reason as Error);
    signal.addEventListener("abort", aborted, { once: true });
    socket.once("error", failed);
    socket.once("timeout", () => failed(new Error(`${address} did not finish the TLS handshake in time`)));
    socket.once("secureConnect", () => {
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

const handshakeTimeoutMs = 5_000;
