import { label, names } from "../../api/names.ts";
import { portOf } from "../../api/node-spec.ts";
import type { NodeReports } from "../../certificates/state.ts";
import { type AdminAccess, hostPort } from "../admin-access.ts";
import type { PodObject } from "../objects.ts";
import type { Pass } from "../pass.ts";

/** What there is to report when nobody runs. */
export const nobody: NodeReports = { kind: "reported", nodes: [], expected: 0 };

/** What every pod's node has loaded. Pods that a scheduler does not know have not reported. */
export async function reportsOf(pass: Pass, admin: AdminAccess): Promise<NodeReports> {
  const { spec } = pass.valid.cluster;
  const pods = pass.deps.caches
    .childrenOf<PodObject>("pod", pass.key)
    .filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  if (pods.length === 0) return nobody;
  const answer = await admin.report();
  if (answer.kind === "unreachable") return { kind: "unknown", reason: answer.reason };
  const schedulerPort = portOf(spec.schedulerSpec.cluster.bindAddress);
  const silent: string[] = [];
  const nodes = pods.flatMap((pod) => {
    const { labels = {}, name: podName = "" } = pod.metadata;
    const index = labels[label.role] === "executor" ? Number(labels[label.executor]) : undefined;
    const address = pod.status?.podIP === undefined ? "" : hostPort(pod.status.podIP, schedulerPort);
    const report = answer.report.nodes.find((node) =>
      index === undefined ? node.index === undefined && node.id === address : node.index === index,
    );
    const secret =
      index === undefined ? names.schedulerSecret(pass.name) : names.executorSecret(pass.name, index);
    if (report?.leafSha256 === undefined) {
      silent.push(secret);
      return [];
    }
    return [{ id: podName, secret, leafSha256: report.leafSha256, trustSha256: report.trustSha256 }];
  });
  return { kind: "reported", nodes, expected: pods.length, silent };
}
