import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Component } from "../../kube/test/support/component.ts";
import { eventually } from "../../kube/test/support/wait.ts";
import { makeCgroup } from "./cgroups.ts";
import { command } from "./command.ts";
import { type ControlPlane, nodeUser, proxyUser } from "./control-plane.ts";
import { addresses, type NodePlace, sandboxImage } from "./layout.ts";
import { inNetworkOf } from "./network.ts";

/** Starts containerd, kubelet and kube-proxy of a node, in its own network, directories and cgroup. */
export async function startNode(
  node: NodePlace,
  plane: ControlPlane,
  sandboxArchive: string,
): Promise<readonly Component[]> {
  for (const folder of ["kubelet", "cni", "addresses", "pod-logs"])
    mkdirSync(join(node.dir, folder), { recursive: true });
  makeCgroup(node.cgroup);
  const write = (name: string, content: object | string) => {
    const file = join(node.dir, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };
  const start = (name: string, program: string, args: readonly string[]) => {
    const [enter, ...into] = inNetworkOf(node);
    return new Component(name, enter, [...into, program, ...args], node.dir);
  };
  const config = write("containerd.toml", containerdConfig(node));
  const runtime = start("containerd", "containerd", ["--config", config, "--log-level=warn"]);
  await eventually(`containerd of ${node.name}`, () => command("ctr", "-a", node.socket, "version"), {
    timeoutMs: 60_000,
    everyMs: 250,
  });
  await importImage(node, sandboxArchive);

  write("cni/10-bridge.conflist", podNetwork(node));
  write("resolv.conf", "");
  const kubelet = start("kubelet", plane.program("kubelet"), [
    ...["--config", write("kubelet.json", kubeletConfig(node, plane.pki.files.ca))],
    ...["--kubeconfig", plane.kubeconfig(nodeUser(node).name), "--hostname-override", node.name],
    ...["--root-dir", join(node.dir, "kubelet"), "--cert-dir", join(node.dir, "kubelet", "pki")],
    ...["--node-ip", node.address, "--node-labels", `topology.kubernetes.io/zone=${node.zone}`],
  ]);
  const proxy = start("kube-proxy", plane.program("kube-proxy"), [
    ...["--config", write("proxy.json", proxyConfig(node, plane.kubeconfig(proxyUser)))],
  ]);
  return [runtime, kubelet, proxy];
}

/** Gives a node an image from an archive. */
export async function importImage(node: NodePlace, archive: string): Promise<void> {
  await command("ctr", "-a", node.socket, "-n", "k8s.io", "images", "import", archive);
}

function containerdConfig({ dir, socket }: NodePlace): string {
  const unused = ["btrfs", "aufs", "zfs", "devmapper"].map((name) => `io.containerd.snapshotter.v1.${name}`);
  unused.push("io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp");
  unused.push("io.containerd.internal.v1.opt");
  const plugin = (name = "") => `[plugins."io.containerd.grpc.v1.cri"${name}]`;
  return `version = 2
root = "${dir}/containerd"
state = "${dir}/containerd-state"
disabled_plugins = ${JSON.stringify(unused)}
[grpc]
  address = "${socket}"
${plugin()}
  sandbox_image = "${sandboxImage}"
  disable_apparmor = true
  # Root of a container or a small machine may not lower the score of a process below its own.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
${plugin(".cni")}
  bin_dir = "/usr/lib/cni"
  conf_dir = "${dir}/cni"
${plugin(".containerd")}
  snapshotter = "overlayfs"
${plugin(".containerd.runtimes.runc")}
  runtime_type = "io.containerd.runc.v2"
${plugin(".containerd.runtimes.runc.options")}
  SystemdCgroup = false
`;
}

function podNetwork({ dir, podNetwork: subnet }: NodePlace): object {
  const ipam = {
    type: "host-local",
    dataDir: join(dir, "addresses"),
    ranges: [[{ subnet }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return {
    cniVersion: "1.0.0",
    name: "pods",
    plugins: [
      { type: "bridge", bridge: "pods", isGateway: true, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

function kubeletConfig({ dir, address, cgroup, socket }: NodePlace, clientCAFile: string): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile } },
    authorization: { mode: "Webhook" },
    cgroupDriver: "cgroupfs",
    cgroupRoot: cgroup,
    failCgroupV1: false,
    clusterDomain: "cluster.local",
    clusterDNS: [addresses.dns],
    resolvConf: join(dir, "resolv.conf"),
    containerRuntimeEndpoint: `unix://${socket}`,
    podLogsDir: join(dir, "pod-logs"),
    volumePluginDir: join(dir, "kubelet", "volume-plugins"),
    healthzBindAddress: "127.0.0.1",
    // The disk is the machine's: images are not cleaned up and pods not evicted because others filled it.
    imageGCHighThresholdPercent: 100,
    evictionHard: { "memory.available": "200Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi" },
    nodeStatusUpdateFrequency: "4s",
    nodeLeaseDurationSeconds: 20,
    syncFrequency: "10s",
    serializeImagePulls: false,
    registryPullQPS: 0,
    eventRecordQPS: 0,
  };
}

function proxyConfig({ name }: NodePlace, kubeconfig: string): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clusterCIDR: addresses.pods,
    hostnameOverride: name,
    clientConnection: { kubeconfig },
    // A network namespace may not change these.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    iptables: { minSyncPeriod: "100ms", syncPeriod: "30s" },
  };
}
