import type { ServerResponse } from "node:http";
import { parseDuration } from "@spice-shards/spicepod";
import type { Json } from "../../ports/database.ts";
import type { RefreshOutcome, RefreshRequest } from "../../ports/node-info.ts";
import { knownFields, objectOf, readText } from "./body.ts";
import { type ApiRequest, sendJson } from "./context.ts";
import { HttpError } from "./http-error.ts";
import { parseJson } from "./statement.ts";

/** `POST /v1/datasets/{name}/acceleration/refresh`: refresh now (spec chapter 05). */
export async function postRefresh(request: ApiRequest, response: ServerResponse): Promise<void> {
  const name = request.params["name"]!;
  const text = await readText(request.raw, request.services.bodyLimit);
  const body = text.trim() === "" ? {} : objectOf(parseJson(text));
  const outcome = await request.services.node.refresh(name, refreshRequest(body));
  demandAccepted(name, outcome);
  sendJson(response, 201, { message: `Dataset refresh triggered for ${name}.` });
}

/** `PATCH /v1/datasets/{name}/acceleration`: another `refresh_sql` until the node restarts. */
export async function patchAcceleration(request: ApiRequest, response: ServerResponse): Promise<void> {
  const name = request.params["name"]!;
  const body = objectOf(parseJson(await readText(request.raw, request.services.bodyLimit)));
  knownFields(body, ["refresh_sql"]);
  const sql = body["refresh_sql"];
  if (sql !== null && typeof sql !== "string") {
    throw new HttpError(
      400,
      'The field "refresh_sql" must be a string, or null for the one of the spicepod.',
    );
  }
  demandAccepted(name, await request.services.node.setRefreshSql(name, sql));
  sendJson(response, 200, { message: `refresh_sql of ${name} is changed until restart.` });
}

function refreshRequest(body: Readonly<Record<string, Json>>): RefreshRequest {
  knownFields(body, ["refresh_sql", "refresh_mode", "refresh_jitter_max", "partition"]);
  const { refresh_sql: sql, refresh_mode: mode, refresh_jitter_max: jitter, partition } = body;
  if (sql !== undefined && typeof sql !== "string") {
    throw new HttpError(400, 'The field "refresh_sql" must be a string.');
  }
  if (mode !== undefined && mode !== "full" && mode !== "append") {
    throw new HttpError(400, 'The field "refresh_mode" must be "full" or "append".');
  }
  const jitterMs = typeof jitter === "string" ? parseDuration(jitter) : undefined;
  if (jitter !== undefined && jitterMs === undefined) {
    throw new HttpError(400, 'The field "refresh_jitter_max" must be a duration such as "10s".');
  }
  return {
    ...(sql === undefined ? {} : { refreshSql: sql }),
    ...(mode === undefined ? {} : { refreshMode: mode }),
    ...(jitterMs === undefined ? {} : { refreshJitterMaxMs: jitterMs }),
    ...(partition === undefined ? {} : { partition: partitionValue(partition) }),
  };
}

function partitionValue(value: Json): Record<string, string | null> {
  const result: Record<string, string | null> = {};
  for (const [expression, text] of Object.entries(objectOf(value))) {
    if (text !== null && typeof text !== "string") {
      throw new HttpError(400, `The partition's value of ${expression} must be a string or null.`);
    }
    result[expression] = text;
  }
  return result;
}

function demandAccepted(name: string, outcome: RefreshOutcome): void {
  switch (outcome.kind) {
    case "accepted":
      return;
    case "unknown-dataset":
      throw new HttpError(404, `Dataset ${name} not found`);
    case "not-accelerated":
      throw new HttpError(400, `Dataset ${name} does not have acceleration enabled`);
    case "refused":
      throw new HttpError(400, outcome.message);
    case "unavailable":
      throw new HttpError(503, outcome.message, { "Retry-After": "1" });
    default:
      outcome satisfies never;
  }
}
