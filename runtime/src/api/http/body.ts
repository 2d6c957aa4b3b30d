import type { IncomingMessage } from "node:http";
import { TextDecoder } from "node:util";
import { suggest } from "@spice-shards/spicepod";
import type { Json } from "../../ports/database.ts";
import { HttpError } from "./http-error.ts";

/** The media type in lower case and its parameters. */
export interface ContentType {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Parse a `Content-Type` header; an absent one is an empty type. */
export function parseContentType(header: string | undefined): ContentType {
  const [type = "", ...rest] = (header ?? "").split(";");
  const parameters: Record<string, string> = {};
  for (const part of rest) {
    const equals = part.indexOf("=");
    if (equals < 0) continue;
    const value = part.slice(equals + 1).trim();
    parameters[part.slice(0, equals).trim().toLowerCase()] = value.replace(/^"(.*)"$/, "$1");
  }
  return { type: type.trim().toLowerCase(), parameters };
}

/**
 * Read the whole body as text in the charset of `Content-Type` (UTF-8 without one). Throws 413 above `limit` bytes,
 * 415 for an encoding that this server does not read, 400 for bytes that are not text in that charset.
 */
export async function readText(request: IncomingMessage, limit: number): Promise<string> {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new HttpError(415, `Content-Encoding ${encoding} is not supported. Send the body as it is.`);
  }
  const { parameters } = parseContentType(request.headers["content-type"]);
  const charset = parameters["charset"] ?? "utf-8";
  const decoder = decoderFor(charset);
  const bytes = await readBytes(request, limit);
  try {
    return decoder.decode(bytes);
  } catch {
    throw new HttpError(400, `The body is not ${charset} text.`);
  }
}

function decoderFor(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    throw new HttpError(415, `Charset ${charset} is not supported. Use utf-8.`);
  }
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw tooLarge(limit);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, `The body is larger than the limit of ${limit} bytes.`, { Connection: "close" });
}

/** The object that a JSON body must be; throws 400 for another value. */
export function objectOf(value: Json): Readonly<Record<string, Json>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpError(400, "The body must be a JSON object.");
  }
  return value;
}

/** Throws 400 for a field that the route does not have, with the nearest that it has. */
export function knownFields(body: Readonly<Record<string, Json>>, fields: readonly string[]): void {
  for (const key of Object.keys(body)) {
    if (fields.includes(key)) continue;
    const near = suggest(key, fields);
    throw new HttpError(
      400,
      `Unknown field "${key}".${near === undefined ? "" : ` Did you mean "${near}"?`}`,
    );
  }
}
