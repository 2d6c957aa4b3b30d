import type { ExecutorInfo, GetClusterResponse, NodeInfo } from "@spice-shards/proto";
import type { ClusterExecutor, DrainProgress, PartitionCounts } from "../lifecycle/types.ts";
import type { ClusterReport, NodeCertificates } from "./port.ts";

type IndexOf = (id: string) => number | undefined;

/** A scheduler's answer said something that no version of the protocol says. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";
}

/** Reads what `GetCluster` answered. @throws UnexpectedAnswerError for a state that is not known. */
export function clusterReport(response: GetClusterResponse, indexOf: IndexOf): ClusterReport {
  const tables = response.tables.map((table) => ({
    name: table.table,
    total: table.partitionsTotal,
    assigned: table.partitionsAssigned,
    loaded: table.partitionsLoaded,
    freshMs: table.freshAtMs === 0 ? undefined : table.freshAtMs,
  }));
  return {
    revision: response.revision,
    appGeneration: response.appGeneration,
    executors: response.executors.map((executor) => executorOf(executor, indexOf)),
    partitions: tables.reduce<PartitionCounts>(
      (sum, t) => ({
        total: sum.total + t.total,
        assigned: sum.assigned + t.assigned,
        loaded: sum.loaded + t.loaded,
      }),
      { total: 0, assigned: 0, loaded: 0 },
    ),
    tables,
    problems: response.problems,
    nodes: response.nodes.map((node) => certificatesOf(node, indexOf)),
  };
}

function executorOf(executor: ExecutorInfo, indexOf: IndexOf): ClusterExecutor {
  const { id, instanceId, state, owned, loaded, moving, drain } = executor;
  if (state !== "active" && state !== "draining" && state !== "silent") {
    throw new UnexpectedAnswerError(`executor ${id} is in the unknown state ${JSON.stringify(state)}`);
  }
  const base = { id, index: indexOf(id), instanceId, owned, loaded, moving };
  if (drain === undefined) return { ...base, state };
  return { ...base, state: "draining", drain: drainOf(id, drain) };
}

function drainOf(
  id: string,
  { state, remaining, reason }: NonNullable<ExecutorInfo["drain"]>,
): DrainProgress {
  if (state !== "DRAINING" && state !== "DRAINED" && state !== "BLOCKED") {
    throw new UnexpectedAnswerError(`the drain of ${id} is in the unknown state ${JSON.stringify(state)}`);
  }
  return { state, remaining, ...(reason === "" ? {} : { reason }) };
}

function certificatesOf(node: NodeInfo, indexOf: IndexOf): NodeCertificates {
  const { id, leafSha256, leafNotAfter, trustSha256 } = node;
  return {
    id,
    index: indexOf(id),
    trustSha256,
    ...(leafSha256 === "" ? {} : { leafSha256, leafNotAfterMs: leafNotAfter }),
  };
}
