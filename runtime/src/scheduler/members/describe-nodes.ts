import type { NodeInfo } from "@spice-shards/proto";
import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { ExecutorViews } from "../executor-views.ts";
import type { PeerClients } from "./peer-clients.ts";

export interface DescribeNodesOptions {
  readonly document: ClusterDocument;
  /** The scheduler that describes. */
  readonly own: NodeInfo;
  readonly executors: ExecutorViews;
  readonly clients: PeerClients;
}

/** A node of which nothing but the id is known. */
export function unknownNode(id: string): NodeInfo {
  return { id, leafSha256: "", leafNotAfter: 0, trustSha256: [] };
}

/**
 * Every member of the cluster with its certificates, in the order of ids. Executors told theirs over their control
 * streams; the other schedulers are asked now. One that does not answer within 2 s comes with its id alone.
 */
export async function describeNodes(options: DescribeNodesOptions): Promise<NodeInfo[]> {
  const { document, own, executors } = options;
  const schedulers = Object.values(document.schedulers).map(({ scheduler_id: id, advertise_address }) =>
    id === own.id ? own : askScheduler(id, advertise_address, options),
  );
  const members = Object.entries(document.executors).map(([id, { instance_id }]) => {
    const view = executors.get(id);
    return view?.instanceId === instance_id && view.node !== undefined ? view.node : unknownNode(id);
  });
  const nodes = [...(await Promise.all(schedulers)), ...members];
  return nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function askScheduler(
  id: string,
  address: string,
  { document, own, clients }: DescribeNodesOptions,
): Promise<NodeInfo> {
  const news = { schedulerId: own.id, revision: document.revision, suspectedExecutors: [], condition: "" };
  try {
    const answer = await clients.peerNews(address, news);
    return answer.node ?? unknownNode(id);
  } catch {
    // Whoever asks sees from the missing fingerprints that this one did not answer, and asks again.
    return unknownNode(id);
  }
}
