import type { IncomingMessage } from "node:http";
import type { Json } from "../../ports/database.ts";
import { knownFields, parseContentType, readText } from "./body.ts";
import { HttpError } from "./http-error.ts";

/** One statement and its parameters, as a client sent them. */
export interface Statement {
  readonly sql: string;
  readonly parameters?: readonly Json[];
}

// `curl --data` sends the form type unless told otherwise; the body is SQL all the same.
const textTypes = new Set(["", "text/plain", "application/sql", "application/x-www-form-urlencoded"]);

/** Read the statement of `POST /v1/sql`: SQL as text, or JSON `{"sql": "…", "parameters": […]}`. */
export async function readStatement(request: IncomingMessage, limit: number): Promise<Statement> {
  const { type } = parseContentType(request.headers["content-type"]);
  if (type === "application/json") return statementFromJson(await readText(request, limit));
  if (textTypes.has(type)) return { sql: nonEmpty(await readText(request, limit)) };
  throw new HttpError(
    415,
    `Content-Type ${type} is not supported. Send SQL as text/plain, or application/json {"sql": "…", "parameters": […]}.`,
  );
}

/** Parse the JSON form. Integers that a JavaScript number cannot hold stay exact, as text. */
export function statementFromJson(text: string): Statement {
  const body = parseJson(text);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new HttpError(400, 'The body must be a JSON object such as {"sql": "SELECT 1"}.');
  }
  knownFields(body, ["sql", "parameters"]);
  const { sql, parameters } = body;
  if (typeof sql !== "string") throw new HttpError(400, 'The field "sql" must be a string.');
  if (parameters === undefined || parameters === null) return { sql: nonEmpty(sql) };
  if (!Array.isArray(parameters)) throw new HttpError(400, 'The field "parameters" must be an array.');
  return { sql: nonEmpty(sql), parameters };
}

/** Parse a JSON body; throws 400 with the parser's reason. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text, (_key: string, value: Json, context?: { source?: string }) =>
      typeof value === "number" && context?.source !== undefined && /^-?\d+$/.test(context.source)
        ? Number.isSafeInteger(value)
          ? value
          : context.source
        : value,
    ) as Json;
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${(error as Error).message}`);
  }
}

function nonEmpty(sql: string): string {
  if (sql.trim() === "") throw new HttpError(400, "The SQL statement is empty.");
  return sql;
}
