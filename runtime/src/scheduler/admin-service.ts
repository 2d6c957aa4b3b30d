import { type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type {
  AdminServiceServer,
  DrainRequest,
  DrainResponse,
  GetClusterResponse,
  UndrainRequest,
  UndrainResponse,
  NodeInfo as WireNodeInfo,
} from "@spice-shards/proto";
import { messageOf } from "../core/text/message-of.ts";
import type { NodeInfo } from "../ports/node-info.ts";
import { type Drains, UnknownExecutorError } from "./moves/drains.ts";

export interface AdminServiceHost {
  readonly info: NodeInfo;
  readonly drains: Pick<Drains, "drain" | "undrain">;
  instanceOf(executor: string): string;
  /** Every scheduler and executor with its certificates that are in force. */
  nodes(): Promise<readonly WireNodeInfo[]>;
  /** Throws when the peer's certificate does not carry one of the roles. */
  authorize(call: { getAuthContext?: unknown }, roles: readonly string[]): void;
}

/** The gRPC face for the operator (spec chapter 04, AdminService). */
export function adminService(host: AdminServiceHost): AdminServiceServer {
  const unary =
    <Q, R>(handle: (request: Q, signal: AbortSignal) => Promise<R>) =>
    (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>): void => {
      try {
        host.authorize(call, ["operator"]);
      } catch (error) {
        callback({ code: status.PERMISSION_DENIED, message: messageOf(error) });
        return;
      }
      const gone = new AbortController();
      call.once("cancelled", () => gone.abort());
      handle(call.request, gone.signal).then(
        (response) => callback(null, response),
        (error: unknown) => {
          const code = error instanceof UnknownExecutorError ? status.NOT_FOUND : status.UNAVAILABLE;
          callback({ code, message: messageOf(error) });
        },
      );
    };
  return {
    getCluster: unary(() => getCluster(host)),
    drain: unary<DrainRequest, DrainResponse>(async ({ executor, deadlineMs }, signal) => {
      const {
        state,
        remaining,
        reason = "",
        already,
      } = await host.drains.drain(executor, deadlineMs, signal);
      return { state, remaining, reason, already };
    }),
    undrain: unary<UndrainRequest, UndrainResponse>(async ({ executor }) => ({
      wasDraining: await host.drains.undrain(executor),
    })),
  };
}

async function getCluster(host: AdminServiceHost): Promise<GetClusterResponse> {
  const [cluster, datasets] = await Promise.all([host.info.cluster(), host.info.datasets()]);
  if (cluster === undefined) throw new Error("cluster.json was not read yet");
  return {
    revision: cluster.revision,
    executors: cluster.executors.map((e) => ({
      id: e.id,
      instanceId: host.instanceOf(e.id),
      state: e.state,
      owned: e.partitions,
      loaded: e.loaded,
      moving: e.moving,
      drain: e.drain === undefined ? undefined : { reason: "", ...e.drain },
    })),
    nodes: [...(await host.nodes())],
    appGeneration: cluster.appGeneration,
    tables: cluster.tables.map((t) => ({
      table: t.name,
      partitionsTotal: t.partitions.total,
      partitionsAssigned: t.partitions.assigned,
      partitionsLoaded: t.partitions.loaded,
      freshAtMs: t.freshMs ?? 0,
    })),
    problems: datasets.flatMap(({ name, error }) =>
      error === undefined ? [] : [{ dataset: name, message: error.message }],
    ),
  };
}
