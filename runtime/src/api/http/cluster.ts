import type { ServerResponse } from "node:http";
import { knownFields, objectOf, readText } from "./body.ts";
import { type ApiRequest, sendJson } from "./context.ts";
import { HttpError } from "./http-error.ts";
import { parseJson } from "./statement.ts";
import { executorRow } from "./status.ts";
import { isoTime } from "./tabular.ts";

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
    ...(cluster.condition === undefined ? {} : { condition: cluster.condition }),
    schedulers: cluster.schedulers.map((scheduler) => ({
      id: scheduler.id,
      http_address: scheduler.httpAddress,
      flight_address: scheduler.flightAddress,
      build_version: scheduler.buildVersion,
      started_at: isoTime(scheduler.startedMs),
    })),
    executors: cluster.executors.map((executor) => ({
      id: executor.id,
      ...executorRow(executor),
      ...(executor.drain === undefined ? {} : { drain: executor.drain }),
    })),
    tables: cluster.tables.map(({ name, revision, partitionBy, partitions }) => ({
      name,
      revision,
      partition_by: partitionBy,
      partitions,
    })),
  });
}

/** `POST /v1/cluster/drain`: move everything off an executor, or with `undrain` let it take partitions again. */
export async function postDrain(request: ApiRequest, response: ServerResponse): Promise<void> {
  const body = objectOf(parseJson(await readText(request.raw, request.services.bodyLimit)));
  knownFields(body, ["executor", "undrain"]);
  const { executor, undrain = false } = body;
  if (typeof executor !== "string" || executor === "") {
    throw new HttpError(
      400,
      'The field "executor" must be the id of an executor, as GET /v1/cluster lists it.',
    );
  }
  if (typeof undrain !== "boolean") throw new HttpError(400, 'The field "undrain" must be true or false.');
  const outcome = await request.services.node.drain(executor, undrain);
  switch (outcome.kind) {
    case "draining": {
      const message = `Executor ${executor} ${outcome.already ? "was already draining" : "is draining"}.`;
      sendJson(response, 200, { executor, ...outcome.drain, already: outcome.already, message });
      return;
    }
    case "undrained": {
      const message = outcome.wasDraining
        ? `Executor ${executor} takes partitions again.`
        : `Executor ${executor} was not draining.`;
      sendJson(response, 200, { executor, message });
      return;
    }
    case "unknown-executor":
      throw new HttpError(404, outcome.message);
    case "unavailable":
      throw new HttpError(503, outcome.message, { "Retry-After": "1" });
    default:
      outcome satisfies never;
  }
}
