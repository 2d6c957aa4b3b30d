import type { FragmentRequest } from "../../../ports/exchange.ts";
import { EnvelopeError } from "./grpc-status.ts";

/** The fragment's envelope as bytes. */
export function encodeEnvelope(request: FragmentRequest): Buffer {
  return Buffer.from(JSON.stringify(request));
}

/**
 * Read an envelope that came over the network; checked here and trusted afterwards.
 * @throws EnvelopeError when it is of another protocol or not an envelope.
 */
export function decodeEnvelope(bytes: Uint8Array): FragmentRequest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (error) {
    throw new EnvelopeError("The fragment's envelope is not JSON", { cause: error });
  }
  const protocol = isObject(value) ? value["protocol"] : undefined;
  if (protocol !== 1)
    throw new EnvelopeError(`This node speaks fragment protocol 1, not ${JSON.stringify(protocol)}`);
  if (!isRequest(value))
    throw new EnvelopeError("The fragment's envelope lacks a field or has one of a wrong type");
  return value;
}

function isRequest(value: unknown): value is FragmentRequest {
  if (!isObject(value)) return false;
  const text = (key: string) => typeof value[key] === "string";
  const { ungrouped, inlineRows, statsWithFrame, recordBatches } = value;
  return (
    ["queryId", "fragmentId", "sql", "trace"].every(text) &&
    typeof value["deadlineMs"] === "number" &&
    isArray(value["columns"], isColumn) &&
    isArray(value["scans"], isScan) &&
    (inlineRows === undefined || Number.isSafeInteger(inlineRows)) &&
    (statsWithFrame === undefined || typeof statsWithFrame === "boolean") &&
    (recordBatches === undefined || typeof recordBatches === "boolean") &&
    (ungrouped === undefined ||
      (isObject(ungrouped) &&
        typeof ungrouped["sql"] === "string" &&
        typeof ungrouped["scan"] === "string" &&
        isArray(ungrouped["keys"], (key) => typeof key === "string")))
  );
}

function isColumn(value: unknown): boolean {
  return isObject(value) && typeof value["name"] === "string" && typeof value["type"] === "string";
}

function isScan(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value["name"] === "string" &&
    typeof value["table"] === "string" &&
    Number.isSafeInteger(value["revision"]) &&
    isArray(
      value["partitions"],
      (p) =>
        isObject(p) &&
        typeof p["key"] === "string" &&
        Number.isSafeInteger(p["epoch"]) &&
        Number.isSafeInteger(p["version"]),
    )
  );
}

function isArray(value: unknown, item: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(item);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
