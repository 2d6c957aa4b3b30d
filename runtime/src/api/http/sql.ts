import type { ServerResponse } from "node:http";
import type { QueryResult, QueryStats } from "../../ports/query-service.ts";
import type { ApiRequest } from "./context.ts";
import { formats } from "./formats/index.ts";
import { forward } from "./forward.ts";
import { toHttpError } from "./http-error.ts";
import { negotiate } from "./negotiate.ts";
import { sendBody } from "./response-writer.ts";
import { readStatement } from "./statement.ts";

/** `POST /v1/sql`: run one statement and stream its result in the format that the client accepts. */
export async function postSql(request: ApiRequest, response: ServerResponse): Promise<void> {
  const { services, signal, raw } = request;
  if (services.schedulers !== undefined) return forward(request, response, services.schedulers());
  const statement = await readStatement(raw, services.bodyLimit);
  const name = negotiate(raw.headers.accept);
  const format = formats[name];
  let result: QueryResult | undefined;
  try {
    result = await services.queries.query({ ...statement, recordBatches: name === "arrow", signal });
    const { stats, queryId } = result;
    const head = (bytes?: number) =>
      response.writeHead(200, {
        "Content-Type": format.contentType,
        ...statsHeaders(queryId, stats),
        ...(bytes === undefined ? {} : { "Content-Length": bytes }),
      });
    await sendBody(response, format.encode(result), head, signal);
  } catch (error) {
    throw response.headersSent || signal.aborted ? error : toHttpError(error, statement.sql);
  } finally {
    await result?.close();
  }
}

/** How the query was answered; complete once planning ended, which is before the first row. */
function statsHeaders(queryId: string, stats: QueryStats): Record<string, string> {
  const named = stats.executors.slice(0, 50);
  const more = stats.executors.length - named.length;
  return {
    "X-Spice-Query-Id": headerText(queryId),
    "X-Spice-Strategy": headerText(stats.strategy),
    "X-Spice-Executors": headerText(named.join(", ") + (more > 0 ? ` and ${more} more` : "")),
    "X-Spice-Partitions-Read": String(stats.partitionsRead),
    "X-Spice-Partitions-Total": String(stats.partitionsTotal),
    Vary: "Accept",
  };
}

/** Headers carry printable ASCII only. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
