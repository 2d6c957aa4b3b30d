import type { ChannelCredentials, Server, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { ClusterServiceService, type GetMetricsRequest, type GetMetricsResponse } from "@spice-shards/proto";
import { messageOf } from "../../core/text/message-of.ts";
import { statusOf } from "../exchange/grpc/grpc-status.ts";
import type { NodeSecurity } from "../tls/node-security.ts";
import { callNode } from "./call-node.ts";

/** Answer schedulers that ask for this node's metrics; of `ClusterService` an executor serves nothing else. */
export function serveMetrics(
  server: Server,
  text: () => Promise<string>,
  authorize: NodeSecurity["authorize"],
): void {
  const { getMetrics } = ClusterServiceService;
  server.addService(
    { getMetrics },
    {
      getMetrics(
        call: ServerUnaryCall<GetMetricsRequest, GetMetricsResponse>,
        callback: sendUnaryData<GetMetricsResponse>,
      ): void {
        (async () => {
          authorize(call, ["scheduler"]);
          return { text: await text() };
        })().then(
          (response) => callback(null, response),
          (error: unknown) => callback(statusOf(error)),
        );
      },
    },
  );
}

/** The metrics of other nodes, by id and address. Rejects when one of them does not answer, naming it. */
export function askMetrics(
  nodes: ReadonlyMap<string, string>,
  credentials: () => ChannelCredentials,
  signal: AbortSignal,
): Promise<{ readonly nodeId: string; readonly text: string }[]> {
  return Promise.all(
    [...nodes].map(async ([nodeId, address]) => {
      try {
        const { text } = await callNode<GetMetricsResponse>(address, credentials(), signal, (client, done) =>
          client.getMetrics({}, done),
        );
        return { nodeId, text };
      } catch (error) {
        throw new Error(`Node ${nodeId} gives no metrics: ${messageOf(error)}`, { cause: error });
      }
    }),
  );
}
