import type { ServerResponse } from "node:http";
import type { Json } from "../../ports/database.ts";
import { type ApiRequest, sendJson } from "./context.ts";
import { csvField } from "./formats/csv.ts";
import { HttpError } from "./http-error.ts";

export type Row = Readonly<Record<string, Json | undefined>>;

/** Send a list of flat objects as JSON or, with `?format=csv`, as CSV with the given columns. */
export function sendRows(
  request: ApiRequest,
  response: ServerResponse,
  rows: readonly Row[],
  columns: readonly string[],
): void {
  const format = request.url.searchParams.get("format") ?? "json";
  if (format === "json") {
    sendJson(response, 200, rows);
    return;
  }
  if (format !== "csv") throw new HttpError(400, `format must be json or csv, not ${format}`);
  const lines = rows.map((row) => columns.map((column) => csvField(cell(row[column]))).join(","));
  response
    .writeHead(200, { "Content-Type": "text/csv; charset=utf-8" })
    .end([columns.join(","), ...lines].map((line) => `${line}\r\n`).join(""));
}

/** A Unix time in milliseconds as people and programs read it. */
export function isoTime(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}

function cell(value: Json | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
