import { type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type {
  AdminServiceServer,
  GetClusterRequest,
  GetClusterResponse,
  NodeInfo as WireNodeInfo,
} from "@spice-shards/proto";
import type { NodeInfo } from "../ports/node-info.ts";

export interface AdminServiceHost {
  readonly info: NodeInfo;
  instanceOf(executor: string): string;
  /** Every scheduler and executor with its certificates that are in force. */
  nodes(): Promise<readonly WireNodeInfo[]>;
  /** Throws when the peer's certificate does not carry one of the roles. */
  authorize(call: { getAuthContext?: unknown }, roles: readonly string[]): void;
}

/** The gRPC face for the operator (spec chapter 04, AdminService). */
export function adminService(host: AdminServiceHost): AdminServiceServer {
  return {
    getCluster(
      call: ServerUnaryCall<GetClusterRequest, GetClusterResponse>,
      callback: sendUnaryData<GetClusterResponse>,
    ): void {
      try {
        host.authorize(call, ["operator"]);
      } catch (error) {
        callback({ code: status.PERMISSION_DENIED, message: String((error as Error).message) });
        return;
      }
      getCluster(host).then(
        (response) => callback(null, response),
        (error: unknown) => callback({ code: status.UNAVAILABLE, message: String((error as Error).message) }),
      );
    },
  };
}

async function getCluster(host: AdminServiceHost): Promise<GetClusterResponse> {
  const cluster = await host.info.cluster();
  if (cluster === undefined) throw new Error("cluster.json was not read yet");
  return {
    revision: cluster.revision,
    executors: cluster.executors.map((e) => ({
      id: e.id,
      instanceId: host.instanceOf(e.id),
      state: e.state,
      owned: e.partitions,
      loaded: e.loaded,
      moving: 0,
    })),
    nodes: [...(await host.nodes())],
    appGeneration: cluster.appGeneration,
    tables: cluster.tables.map((t) => ({
      table: t.name,
      partitionsTotal: t.partitions.total,
      partitionsAssigned: t.partitions.assigned,
      partitionsLoaded: t.partitions.loaded,
    })),
  };
}
