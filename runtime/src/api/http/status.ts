import type { ServerResponse } from "node:http";
import type { ExecutorInfo } from "../../ports/node-info.ts";
import type { ApiRequest } from "./context.ts";
import { isoTime, type Row, sendRows } from "./tabular.ts";

/**
 * `GET /v1/status`: one flat list. Endpoints first, then on a scheduler its executors (`name` is `executor`), then
 * notices for people.
 */
export async function getStatus(request: ApiRequest, response: ServerResponse): Promise<void> {
  const { endpoints, executors, notices } = await request.services.node.status();
  const rows: Row[] = [
    ...endpoints.map(({ name, endpoint, status }) => ({ name, endpoint, status })),
    ...executors.map((executor) => ({ name: "executor", endpoint: executor.id, ...executorRow(executor) })),
    ...notices.map((message) => ({ name: "notice", endpoint: "", status: "Warning", message })),
  ];
  sendRows(request, response, rows, [
    "name",
    "endpoint",
    "status",
    "state",
    "partitions",
    "loaded",
    "moving",
    "rows",
    "bytes",
    "last_heartbeat",
    "message",
  ]);
}

/** An executor's columns. */
export function executorRow(executor: ExecutorInfo): Row {
  const status =
    executor.state === "silent" ? "Error" : executor.state === "draining" ? "ShuttingDown" : undefined;
  return {
    status: status ?? (executor.ready ? "Ready" : "Initializing"),
    state: executor.state,
    partitions: executor.partitions,
    loaded: executor.loaded,
    moving: executor.moving,
    ...(executor.drain?.reason === undefined ? {} : { message: executor.drain.reason }),
    rows: executor.rows,
    bytes: executor.bytes,
    last_heartbeat: isoTime(executor.lastHeartbeatMs),
  };
}
