/** What the API server says about a request that failed. */
export interface Status {
  readonly kind?: "Status";
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/** The API server refused a request. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  /** The HTTP status code. */
  readonly code: number;
  /** A word such as `NotFound`, `Conflict`, `AlreadyExists`, `Invalid`; "" when the server gave none. */
  readonly reason: string;
  readonly status: Status;

  constructor(code: number, status: Status, request: string) {
    super(`${request}: ${status.message ?? `HTTP status ${code}`}`);
    this.code = code;
    this.reason = status.reason ?? "";
    this.status = status;
  }
}

/** The request did not get an answer: whether it had an effect is not known. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** The server sent what the protocol does not allow. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

export const isNotFound = (error: unknown): boolean => hasCode(error, 404);
/** We have no right to do it. */
export const isForbidden = (error: unknown): boolean => hasCode(error, 403);
/** A write met a newer version of the object, or another field manager. */
export const isConflict = (error: unknown): boolean => hasCode(error, 409) && !isAlreadyExists(error);
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof StatusError && error.reason === "AlreadyExists";
/** The object is refused as it is: trying again is of no use. */
export const isInvalid = (error: unknown): boolean => hasCode(error, 422) || hasCode(error, 400);
/** The resource version or the continue token is too old: list again. */
export const isGone = (error: unknown): boolean => hasCode(error, 410);
/** The server has not reached the resource version that was asked for (it was restored, perhaps). */
export const isVersionAhead = (error: unknown): boolean =>
  error instanceof StatusError &&
  error.code === 504 &&
  (error.status.details?.causes ?? []).some((cause) => cause.reason === "ResourceVersionTooLarge");

function hasCode(error: unknown, code: number): boolean {
  return error instanceof StatusError && error.code === code;
}
