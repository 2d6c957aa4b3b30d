import {
  AmbiguousWriteError,
  type PutCondition,
  type PutOutcome,
  StoreError,
} from "../../ports/object-store.ts";

/** What the SDK's errors tell; everything optional, for a failure may come from anywhere below it. */
interface Reply {
  readonly status: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly syscall: string | undefined;
}

/** Failures at which no byte of the request left this host. */
const beforeSending = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "CredentialsProviderError",
]);
/** Refusals that another try may pass. `RequestTimeTooSkewed`: the SDK has corrected its clock from the reply. */
const refusedForNow = new Set(["SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "TooManyRequests"]);

/** The HTTP status of a reply that the SDK turned into an error, if there was a reply. */
export function statusOf(error: unknown): number | undefined {
  return read(error).status;
}

/** The S3 error code (`NoSuchKey`), the system's code (`ECONNRESET`), or the error's name. */
export function codeOf(error: unknown): string {
  return read(error).code;
}

/** The error of a request that changes nothing, or that may be repeated at will. */
export function repeatableFailure(what: string, error: unknown): StoreError {
  const { status, code, message } = read(error);
  const retryable =
    status === undefined
      ? code !== "CredentialsProviderError" && !isTlsRefusal(code)
      : refusedForNow.has(code) ||
        status >= 500 ||
        status === 429 ||
        status === 408 ||
        status === 409 ||
        status < 300;
  return new StoreError(`${what}: ${describe(status, code, message)}`, { cause: error, retryable });
}

/**
 * What a failed conditional write means (spec chapter 04): 412 is a false condition, 409 a concurrent request that
 * wrote nothing, 404 a missing object. Anything that does not prove that nothing was written throws an
 * {@link AmbiguousWriteError}: also a 500, 502, 503 or 504, which a store or a proxy may send after the write; only
 * `SlowDown` and the refusals below 500 are certain.
 */
export function writeFailure(what: string, error: unknown, condition: PutCondition): PutOutcome {
  const { status, code, message, syscall } = read(error);
  const text = `${what}: ${describe(status, code, message)}`;
  if (status === 412) return { kind: "precondition-failed" };
  if (status === 409 && condition.kind !== "any") return { kind: "conflict" };
  if (status === 404 && condition.kind === "match" && (code === "NoSuchKey" || code === "NotFound"))
    return { kind: "missing" };
  const refused =
    status === undefined
      ? beforeSending.has(code) || syscall === "connect" || isTlsRefusal(code) || isConnectTimeout(message)
      : code === "SlowDown" || (status >= 300 && status < 500 && code !== "NoSuchUpload");
  if (!refused) throw new AmbiguousWriteError(`${text}; the write may or may not have happened`, error);
  const retryable =
    status === undefined
      ? code !== "CredentialsProviderError" && !isTlsRefusal(code)
      : refusedForNow.has(code) || status === 429 || status === 409;
  throw new StoreError(text, { cause: error, retryable });
}

function read(error: unknown): Reply {
  if (typeof error !== "object" || error === null)
    return { status: undefined, code: "Unknown", message: String(error), syscall: undefined };
  const e = error as {
    name?: unknown;
    code?: unknown;
    Code?: unknown;
    message?: unknown;
    syscall?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const message = text(e.message) ?? "";
  // Of an error from another realm the SDK keeps the text only.
  const [, syscall, code] = /\b(connect|getaddrinfo) (E[A-Z_]+)\b/.exec(message) ?? [];
  return {
    status: e.$metadata?.httpStatusCode,
    code: text(e.Code) ?? text(e.code) ?? code ?? text(e.name) ?? "Unknown",
    message,
    syscall: text(e.syscall) ?? syscall,
  };
}

function describe(status: number | undefined, code: string, message: string): string {
  const head = status === undefined ? code : `${status} ${code}`;
  return message === "" || message === code ? head : `${head}: ${message}`;
}

function isTlsRefusal(code: string): boolean {
  return /^(ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_SSL_)/.test(code);
}

/** The SDK gives its connection time-out no code of its own. */
function isConnectTimeout(message: string): boolean {
  return message.includes("did not establish a connection");
}
