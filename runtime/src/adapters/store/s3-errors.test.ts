import { expect, test } from "@jest/globals";
import type { PutCondition } from "../../ports/object-store.ts";
import { repeatableFailure, writeFailure } from "./s3-errors.ts";

const reply = (httpStatusCode: number, Code: string) => ({
  Code,
  message: Code,
  $metadata: { httpStatusCode },
});
const noReply = (code: string, syscall?: string) => ({
  code,
  message: code,
  syscall,
  $metadata: { attempts: 1 },
});
const absent: PutCondition = { kind: "absent" };
const match: PutCondition = { kind: "match", etag: '"x"' };
const any: PutCondition = { kind: "any" };

/** The outcome's kind, or `ambiguous`, `refused` (another try may pass), `failed`. */
function verdict(error: unknown, condition: PutCondition): string {
  try {
    return writeFailure("put", error, condition).kind;
  } catch (thrown) {
    const { name, retryable } = thrown as { name: string; retryable: boolean };
    if (name === "AmbiguousWriteError") return "ambiguous";
    return retryable ? "refused" : "failed";
  }
}

test.each([
  [reply(412, "PreconditionFailed"), absent, "precondition-failed"],
  [reply(412, "PreconditionFailed"), match, "precondition-failed"],
  [reply(409, "ConditionalRequestConflict"), absent, "conflict"],
  [reply(409, "ConditionalRequestConflict"), match, "conflict"],
  [reply(409, "OperationAborted"), any, "refused"],
  [reply(404, "NoSuchKey"), match, "missing"],
  [reply(404, "NoSuchKey"), absent, "failed"],
  [reply(404, "NoSuchBucket"), match, "failed"],
  // Somebody before us has completed or aborted this upload: our own request, sent twice on its way?
  [reply(404, "NoSuchUpload"), absent, "ambiguous"],
  [reply(503, "SlowDown"), absent, "refused"],
  [reply(503, "ServiceUnavailable"), absent, "ambiguous"],
  [reply(500, "InternalError"), absent, "ambiguous"],
  [reply(200, "InternalError"), absent, "ambiguous"],
  [reply(400, "RequestTimeout"), absent, "refused"],
  [reply(403, "RequestTimeTooSkewed"), absent, "refused"],
  [reply(429, "TooManyRequests"), absent, "refused"],
  [reply(403, "AccessDenied"), absent, "failed"],
  [reply(301, "PermanentRedirect"), absent, "failed"],
  [noReply("ECONNREFUSED", "connect"), absent, "refused"],
  [noReply("ETIMEDOUT", "connect"), absent, "refused"],
  [noReply("ENOTFOUND", "getaddrinfo"), absent, "refused"],
  [noReply("ECONNRESET", "read"), absent, "ambiguous"],
  [noReply("EPIPE", "write"), match, "ambiguous"],
  [noReply("ETIMEDOUT"), any, "ambiguous"],
  [noReply("DEPTH_ZERO_SELF_SIGNED_CERT"), absent, "failed"],
  [{ name: "CredentialsProviderError", message: "no credentials" }, absent, "failed"],
  [new Error("something nobody thought of"), absent, "ambiguous"],
  ["not even an error", absent, "ambiguous"],
])("a write that ends with %j under %j: %s", (error, condition, expected) => {
  expect(verdict(error, condition)).toBe(expected);
});

test.each([
  [reply(500, "InternalError"), true],
  [reply(503, "ServiceUnavailable"), true],
  [reply(429, "TooManyRequests"), true],
  [reply(400, "RequestTimeout"), true],
  [reply(200, "XmlParseError"), true],
  [noReply("ECONNRESET"), true],
  [noReply("ECONNREFUSED", "connect"), true],
  [reply(403, "AccessDenied"), false],
  [reply(404, "NoSuchKey"), false],
  [reply(304, "NotModified"), false],
  [noReply("CERT_HAS_EXPIRED"), false],
  [{ name: "CredentialsProviderError", message: "no credentials" }, false],
])("a read that ends with %j: retried %s", (error, retryable) => {
  expect(repeatableFailure("get", error).retryable).toBe(retryable);
});

test("the message tells the request, the status and the code", () => {
  expect(repeatableFailure("get s3://b/key", reply(403, "AccessDenied")).message).toBe(
    "get s3://b/key: 403 AccessDenied",
  );
});
