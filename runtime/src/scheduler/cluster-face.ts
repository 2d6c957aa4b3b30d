import type { Server } from "@grpc/grpc-js";
import { AdminServiceService, ClusterServiceService, type SchedulerInstance } from "@spice-shards/proto";
import { httpTlsLeafLabel } from "../adapters/cluster/public-pins.ts";
import { slicesOf, tableAssignment } from "../core/cluster/assignment/slices.ts";
import { firstCycleDone } from "../core/cluster/cycle.ts";
import type { ClusterDocument } from "../core/cluster/document/document.ts";
import { type AdminServiceHost, adminService } from "./admin-service.ts";
import { type ClusterServiceHost, clusterService } from "./cluster-service.ts";
import { assignmentToWire } from "./wire.ts";

export type ClusterFaceOptions = Omit<ClusterServiceHost, "schedulers" | "assignments" | "instanceOf"> &
  Omit<AdminServiceHost, "instanceOf"> & {
    readonly document: () => ClusterDocument;
    /** Full names of the accelerated tables of the spicepod in force. */
    readonly tables: () => readonly string[];
    /** SHA-256 of the leaf that this scheduler's public port shows now; undefined without TLS. */
    readonly publicLeafSha256: () => string | undefined;
  };

/** Serve what a scheduler has for the other nodes, the operator and `spice` on its internal server. */
export function serveCluster(server: Server, options: ClusterFaceOptions): void {
  const { document, tables } = options;
  const instanceOf = (executor: string) => document().executors[executor]?.instance_id ?? "";
  const cluster = clusterService({
    ...options,
    instanceOf,
    schedulers: () => schedulersOf(document(), options.schedulerId, options.publicLeafSha256()),
    assignments: (executor) => shareOf(document(), tables(), executor),
  });
  server.addService(ClusterServiceService, cluster);
  server.addService(AdminServiceService, adminService({ ...options, instanceOf }));
}

function schedulersOf(
  document: ClusterDocument,
  self: string,
  leaf: string | undefined,
): SchedulerInstance[] {
  return Object.values(document.schedulers).map((s) => ({
    schedulerId: s.scheduler_id,
    advertiseAddress: s.advertise_address,
    instanceId: s.instance_id,
    labels: {
      ...s.labels,
      http_address: s.http_address,
      ...(s.scheduler_id === self && leaf !== undefined ? { [httpTlsLeafLabel]: leaf } : {}),
    },
  }));
}

/** What the document gives an executor; undefined until every table was discovered and assigned once. */
function shareOf(document: ClusterDocument, tables: readonly string[], executor: string) {
  if (!firstCycleDone(document, tables)) return undefined;
  return {
    revision: document.revision,
    tables: Object.values(document.accelerations).map((entry) =>
      assignmentToWire(tableAssignment(entry, slicesOf(entry).get(executor) ?? [])),
    ),
  };
}
