import { label, names } from "../../api/names.ts";
import { portOf } from "../../api/node-spec.ts";
import type { NodeReports } from "../../certificates/state.ts";
import { type AdminAccess, hostPort } from "../admin-access.ts";
import type { PodObject } from "../objects.ts";
import type { Pass } from "../pass.ts";

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

/** For how long nodes may have other certificates than the Secrets: the kubelet looks about every minute. */
const syncMs = 90_000;

/**
 * Forgets what was read of the Secrets when a node has loaded something else from one, so that they are read again: it
 * was edited, and Secrets are not watched.
 */
export async function doubtSecrets(pass: Pass, admin: AdminAccess): Promise<void> {
  const { memory, deps } = pass;
  const { secrets } = memory;
  if (secrets?.root?.phase !== "stable" || deps.clock.monotonicMs() - secrets.atMs < syncMs) return;
  const reports = await reportsOf(pass, admin);
  if (reports.kind !== "reported") return;
  const differs = reports.nodes.some(({ secret, leafSha256, trustSha256 }) => {
    const leaf = secrets.leaves.get(secret);
    if (leaf === undefined) return false;
    return leaf.sha256 !== leafSha256 || [...leaf.trust].sort().join() !== [...trustSha256].sort().join();
  });
  if (!differs) return;
  memory.secrets = undefined;
  pass.lookAgainIn(0);
}
