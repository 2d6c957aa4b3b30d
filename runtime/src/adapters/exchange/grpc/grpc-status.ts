import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { SqlError } from "../../../ports/database.ts";
import { ExecutorUnavailableError, ResourceExhaustedError, StalePlanError } from "../../../ports/exchange.ts";
import { dialReason } from "../../tls/dial-reason.ts";

/** Trailer that says which of our errors a status stands for; a status without it comes from the transport. */
const kindKey = "spice-error";
const categoryKey = "spice-error-category";

/** The request is not one that this node can read. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** The peer's certificate does not allow the call. */
export class PeerRefusedError extends Error {
  override readonly name = "PeerRefusedError";
}

/** The gRPC status that carries `error` to the peer. */
export function statusOf(error: unknown): StatusObject {
  const metadata = new Metadata();
  // By name: an error may come from another realm or module instance.
  const { name, message } = named(error);
  metadata.set(kindKey, name);
  switch (name) {
    case "StalePlanError":
      return { code: status.FAILED_PRECONDITION, details: message, metadata };
    case "ResourceExhaustedError":
      return { code: status.RESOURCE_EXHAUSTED, details: message, metadata };
    case "ExecutorUnavailableError":
      return { code: status.UNAVAILABLE, details: message, metadata };
    case "SqlError":
      metadata.set(categoryKey, error instanceof SqlError ? error.category : "Unknown");
      return { code: status.INVALID_ARGUMENT, details: message, metadata };
    case "EnvelopeError":
      return { code: status.INVALID_ARGUMENT, details: message, metadata };
    case "PeerRefusedError":
      return { code: status.PERMISSION_DENIED, details: message, metadata };
    case "TimeoutError":
      return { code: status.DEADLINE_EXCEEDED, details: message, metadata };
    case "AbortError":
      return { code: status.CANCELLED, details: message, metadata };
    default:
      return { code: status.INTERNAL, details: `${name}: ${message}`, metadata };
  }
}

/** The error that a status from `executor` stands for. */
export function errorOf(executor: string, { code, details, metadata }: StatusObject): Error {
  const kind = metadata.get(kindKey)[0];
  if (kind === undefined) {
    if (code === status.DEADLINE_EXCEEDED) return new DOMException(details, "TimeoutError");
    if (code === status.RESOURCE_EXHAUSTED) return new ResourceExhaustedError(details);
    return new ExecutorUnavailableError(
      executor,
      `Executor ${executor} cannot be reached: ${dialReason(details)}`,
    );
  }
  switch (String(kind)) {
    case "ExecutorUnavailableError":
      return new ExecutorUnavailableError(executor, details);
    case "StalePlanError":
      return new StalePlanError(details);
    case "ResourceExhaustedError":
      return new ResourceExhaustedError(details);
    case "SqlError":
      return new SqlError(details, { category: String(metadata.get(categoryKey)[0] ?? "Unknown"), sql: "" });
    case "EnvelopeError":
      return new EnvelopeError(details);
    case "PeerRefusedError":
      return new PeerRefusedError(`Executor ${executor} refused the call: ${details}`);
    case "TimeoutError":
      return new DOMException(details, "TimeoutError");
    default:
      return new Error(`Executor ${executor} failed: ${details}`);
  }
}

function named(error: unknown): { name: string; message: string } {
  if (typeof error !== "object" || error === null) return { name: "Error", message: String(error) };
  const { name, message } = error as { name?: unknown; message?: unknown };
  return { name: String(name ?? "Error"), message: String(message ?? error) };
}
