import type { ServerResponse } from "node:http";
import type { ExecutorInfo } from "../../ports/node-info.ts";
import { type ApiRequest, sendJson } from "./context.ts";
import { HttpError } from "./http-error.ts";
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
    "rows",
    "bytes",
    "last_heartbeat",
    "message",
  ]);
}

/** `GET /v1/cluster`: members and a summary of the assignment. */
export async function getCluster(request: ApiRequest, response: ServerResponse): Promise<void> {
  const cluster = await request.services.node.cluster();
  if (cluster === undefined) {
    throw new HttpError(503, "Cluster endpoints are only available on scheduler nodes");
  }
  sendJson(response, 200, {
    cluster_id: cluster.clusterId,
    revision: cluster.revision,
    app_generation: cluster.appGeneration,
    schedulers: cluster.schedulers.map((scheduler) => ({
      id: scheduler.id,
      http_address: scheduler.httpAddress,
      flight_address: scheduler.flightAddress,
      build_version: scheduler.buildVersion,
      started_at: isoTime(scheduler.startedMs),
    })),
    executors: cluster.executors.map((executor) => ({ id: executor.id, ...executorRow(executor) })),
    tables: cluster.tables.map(({ name, revision, partitionBy, partitions }) => ({
      name,
      revision,
      partition_by: partitionBy,
      partitions,
    })),
  });
}

function executorRow(executor: ExecutorInfo): Row {
  const status =
    executor.state === "silent" ? "Error" : executor.state === "draining" ? "ShuttingDown" : undefined;
  return {
    status: status ?? (executor.ready ? "Ready" : "Initializing"),
    state: executor.state,
    partitions: executor.partitions,
    loaded: executor.loaded,
    rows: executor.rows,
    bytes: executor.bytes,
    last_heartbeat: isoTime(executor.lastHeartbeatMs),
  };
}
