import { getCluster, postDrain } from "./cluster.ts";
import type { Handler } from "./context.ts";
import { getDatasets, getPartitions } from "./datasets.ts";
import { HttpError } from "./http-error.ts";
import { getHealth, getReady } from "./ready.ts";
import { patchAcceleration, postRefresh } from "./refresh.ts";
import type { Route } from "./router.ts";
import { postSql } from "./sql.ts";
import { getStatus } from "./status.ts";

/** The HTTP API (spec chapter 07). */
export const routes: readonly Route<Handler>[] = [
  { method: "POST", path: "/v1/sql", handler: postSql },
  { method: "GET", path: "/health", handler: getHealth },
  { method: "GET", path: "/v1/ready", handler: getReady },
  { method: "GET", path: "/v1/status", handler: getStatus },
  { method: "GET", path: "/v1/datasets", handler: getDatasets },
  { method: "GET", path: "/v1/datasets/{name}/partitions", handler: getPartitions },
  { method: "POST", path: "/v1/datasets/{name}/acceleration/refresh", handler: postRefresh },
  { method: "PATCH", path: "/v1/datasets/{name}/acceleration", handler: patchAcceleration },
  { method: "GET", path: "/v1/cluster", handler: getCluster },
  { method: "POST", path: "/v1/cluster/drain", handler: postDrain },
  ...absent("Snapshots", [
    ["GET", "/v1/datasets/{name}/acceleration/snapshots"],
    ["GET", "/v1/datasets/{name}/acceleration/snapshots/{id}"],
    ["POST", "/v1/datasets/{name}/acceleration/snapshots/current"],
  ]),
  ...absent("Asynchronous queries (use POST /v1/sql)", [
    ["POST", "/v1/queries"],
    ["GET", "/v1/queries"],
    ["GET", "/v1/queries/{id}"],
    ["GET", "/v1/queries/{id}/status"],
    ["GET", "/v1/queries/{id}/results"],
    ["GET", "/v1/queries/{id}/results/chunks/{chunk}"],
    ["POST", "/v1/queries/{id}/cancel"],
  ]),
];

/** Routes of the contract that this version does not have: they say so instead of looking like a typing error. */
function absent(
  what: string,
  paths: readonly (readonly [Route<Handler>["method"], string])[],
): Route<Handler>[] {
  return paths.map(([method, path]) => ({
    method,
    path,
    handler: async () => {
      throw new HttpError(501, `${what}: not available in this version.`);
    },
  }));
}
