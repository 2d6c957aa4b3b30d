import { ExecutorUnavailableError, ResourceExhaustedError, StalePlanError } from "../../ports/exchange.ts";
import { InvalidQueryError, QueryUnavailableError } from "../../ports/query-service.ts";

/** An answer other than success: what the client reads, in plain text. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Engine errors that a changed statement would not have; the rest is a limit or a fault of the node. */
const statementErrors = new Set([
  "Parser",
  "Binder",
  "Catalog",
  "Conversion",
  "Invalid Input",
  "Invalid",
  "Invalid Type",
  "Out of Range",
  "Constraint",
  "Not implemented",
  "Permission",
  "Syntax",
  "Type Mismatch",
  "Mismatch Type",
  "Parameter Not Resolved",
  "Parameter Not Allowed",
  "Expression",
  "Divide by Zero",
  "Decimal",
  "Sequence",
  "Dependency",
]);

/**
 * The answer for an error of the query service (spec chapter 07): 400 for a statement that is wrong, with position
 * and hint; 503 with `Retry-After` for what may succeed later; 500 for the rest.
 */
export function toHttpError(error: unknown, sql?: string): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof InvalidQueryError) return new HttpError(400, withPosition(error, sql));
  if (
    error instanceof ResourceExhaustedError ||
    error instanceof QueryUnavailableError ||
    error instanceof ExecutorUnavailableError ||
    error instanceof StalePlanError
  ) {
    return retryLater(error.message);
  }
  const { name, message, category } = error as { name?: unknown; message?: unknown; category?: unknown };
  const text = typeof message === "string" ? message : String(error);
  if (name === "TimeoutError") return retryLater("The query did not finish within its time limit.");
  if (name === "SqlError" && typeof category === "string") {
    if (category === "Out of Memory") return retryLater(text);
    if (statementErrors.has(category)) return new HttpError(400, text);
  }
  return new HttpError(500, text);
}

function retryLater(message: string): HttpError {
  return new HttpError(503, message, { "Retry-After": "1" });
}

/** The message, followed by the line that the position points into, unless the engine already wrote it. */
function withPosition(error: InvalidQueryError, sql: string | undefined): string {
  if (error.position === undefined || sql === undefined || /\nLINE \d+:/.test(error.message)) {
    return error.message;
  }
  const before = Buffer.from(sql, "utf8").subarray(0, error.position).toString("utf8");
  const line = before.split("\n").length;
  const column = before.length - (before.lastIndexOf("\n") + 1);
  const text = sql.split("\n")[line - 1] ?? "";
  // A window around the position: a generated statement may be one line of megabytes.
  const start = Math.max(0, column - 60);
  const label = `LINE ${line}: ${start > 0 ? "..." : ""}`;
  const caret = " ".repeat(label.length + column - start);
  return `${error.message}\n\n${label}${text.slice(start, column + 60)}\n${caret}^`;
}
