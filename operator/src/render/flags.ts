import { names, type Role } from "../api/names.ts";
import { type NodeSpec, portOf } from "../api/node-spec.ts";
import type { RenderContext } from "./context.ts";

export const directories = {
  data: "/data",
  tmp: "/tmp",
  tls: "/etc/spice/tls",
  spicepod: "/app/spicepod",
} as const;

/** The arguments of `spiced` (spec chapter 01), in the order of its help. */
export function flagsOf(context: RenderContext, role: Role): readonly string[] {
  const { spec } = context.cluster;
  const node: NodeSpec = role === "scheduler" ? spec.schedulerSpec : spec.executorSpec;
  return [
    ...["--role", role],
    ...["--http", `0.0.0.0:${node.http.port}`],
    ...["--flight", `0.0.0.0:${node.flight.port}`],
    ...["--metrics", `0.0.0.0:${node.metrics.port}`],
    ...["--node-bind-address", node.cluster.bindAddress],
    ...(role === "executor" ? ["--scheduler-address", schedulerAddress(context)] : []),
    ...(spec.allowInsecureConnections
      ? ["--allow-insecure-connections"]
      : [
          ...["--node-mtls-ca-certificate-file", `${directories.tls}/ca.crt`],
          ...["--node-mtls-certificate-file", `${directories.tls}/tls.crt`],
          ...["--node-mtls-key-file", `${directories.tls}/tls.key`],
        ]),
    ...["--data-dir", directories.data],
    ...["--shutdown-timeout", `${node.terminationGracePeriodSeconds - 10}s`],
    ...(role === "scheduler" ? ["--spicepod", `${directories.spicepod}/spicepod.yaml`] : []),
  ];
}

/** Where executors find a scheduler: the headless service, so the port is that of the pods. */
function schedulerAddress({ cluster, clusterDomain }: RenderContext): string {
  const { name, namespace } = cluster.metadata;
  const scheme = cluster.spec.allowInsecureConnections ? "http" : "https";
  const port = portOf(cluster.spec.schedulerSpec.cluster.bindAddress);
  return `${scheme}://${names.workload(name, "scheduler")}.${namespace}.svc.${clusterDomain}:${port}`;
}
