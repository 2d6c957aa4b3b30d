import type { ServerResponse } from "node:http";
import type { DatasetInfo, PartitionInfo } from "../../ports/node-info.ts";
import type { ApiRequest } from "./context.ts";
import { HttpError } from "./http-error.ts";
import { isoTime, type Row, sendRows } from "./tabular.ts";

/** `GET /v1/datasets`: every dataset and view; `?status=true` adds their state, `?source=` keeps one source. */
export async function getDatasets(request: ApiRequest, response: ServerResponse): Promise<void> {
  const query = request.url.searchParams;
  const source = query.get("source");
  const withStatus = query.get("status") === "true";
  const datasets = (await request.services.node.datasets()).filter(
    ({ from }) => source === null || from === source || from.split(":")[0] === source,
  );
  const columns = ["name", "from", "kind", "engine", "acceleration_enabled", "replication_enabled"];
  const statusColumns = ["status", "error_message", "last_refresh", "partitions", "rows", "bytes"];
  sendRows(
    request,
    response,
    datasets.map((dataset) => datasetRow(dataset, withStatus)),
    withStatus ? [...columns, ...statusColumns] : columns,
  );
}

function datasetRow(dataset: DatasetInfo, withStatus: boolean): Row {
  const row: Row = {
    from: dataset.from,
    name: dataset.name,
    kind: dataset.kind,
    replication_enabled: dataset.replicationEnabled,
    acceleration_enabled: dataset.accelerationEnabled,
    engine: dataset.engine,
    refresh_mode: dataset.refreshMode,
    partition_by: [...dataset.partitionBy],
    properties: {},
  };
  if (!withStatus) return row;
  const { error, progress } = dataset;
  return {
    ...row,
    status: dataset.status,
    error: error && { category: error.category, type: error.type, code: error.code },
    error_message: error?.message,
    last_refresh: isoTime(dataset.freshMs),
    partitions: { ...dataset.partitions },
    rows: dataset.rows,
    bytes: dataset.bytes,
    refresh: progress && {
      rows: progress.rows,
      bytes: progress.bytes,
      started_at: isoTime(progress.startedMs)!,
      expected_rows: progress.expectedRows ?? null,
    },
  };
}

/** `GET /v1/datasets/{name}/partitions`: who owns what. */
export async function getPartitions(request: ApiRequest, response: ServerResponse): Promise<void> {
  const name = request.params["name"]!;
  const partitions = await request.services.node.partitions(name);
  if (partitions === undefined) throw new HttpError(404, `Dataset ${name} not found`);
  sendRows(request, response, partitions.map(partitionRow), [
    "value",
    "owner",
    "replicas",
    "epoch",
    "state",
    "rows",
    "bytes",
    "last_refresh",
    "last_snapshot",
    "error",
  ]);
}

function partitionRow(partition: PartitionInfo): Row {
  return {
    value: { ...partition.value },
    owner: partition.owner ?? null,
    replicas: [...partition.replicas],
    epoch: partition.epoch,
    version: partition.version,
    state: partition.state,
    rows: partition.rows,
    bytes: partition.bytes,
    last_refresh: isoTime(partition.lastRefreshMs) ?? null,
    last_snapshot: isoTime(partition.lastSnapshotMs) ?? null,
    error: partition.error,
  };
}
