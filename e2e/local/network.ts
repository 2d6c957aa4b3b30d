import { writeFileSync } from "node:fs";
import { command } from "./command.ts";
import { addresses, type NodePlace } from "./layout.ts";

const ip = (...args: readonly string[]) => command("ip", ...args);

/** The prefix that runs a program in a node's network. It keeps `/sys`, which `ip netns exec` would mount anew. */
export function inNetworkOf(node: NodePlace): readonly [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${node.zone}`];
}

/**
 * Joins a network namespace per node to this one by a bridge. None has a default route or a link to the machine's own,
 * so nothing that is sent to a pod, a service or a node gets out.
 */
export async function makeNetwork(nodes: readonly NodePlace[]): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("link", "add", "nodes", "type", "bridge");
  await ip("addr", "add", `${addresses.controlPlane}/24`, "dev", "nodes");
  await ip("link", "set", "nodes", "up");
  for (const node of nodes) {
    const inNode = (...args: readonly string[]) => ip("-n", node.zone, ...args);
    await ip("netns", "add", node.zone);
    await inNode("link", "set", "lo", "up");
    await ip("link", "add", `to-${node.zone}`, "type", "veth", "peer", "name", "eth0", "netns", node.zone);
    await ip("link", "set", `to-${node.zone}`, "master", "nodes", "up");
    await inNode("addr", "add", `${node.address}/24`, "dev", "eth0");
    await inNode("link", "set", "eth0", "up");
    // kube-proxy rewrites what is sent to a service, which needs some route first.
    await inNode("route", "add", addresses.services, "dev", "eth0");
    await command(...inNetworkOf(node), "sysctl", "-qw", "net.ipv4.ip_forward=1");
  }
  for (const to of nodes) {
    await ip("route", "add", to.podNetwork, "via", to.address);
    for (const from of nodes)
      if (from !== to) await ip("-n", from.zone, "route", "add", to.podNetwork, "via", to.address);
  }
  // Without the module there is nothing to turn on: bridged packets pass no rules that matter here.
  for (const node of nodes)
    await command(...inNetworkOf(node), "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1").catch(
      () => "",
    );
}

/** A kubelet wants these of the kernel and sets them for the whole machine; it finds them set. */
export async function pretendKernelSettings(dir: string): Promise<void> {
  const wanted = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
  };
  for (const [name, value] of Object.entries(wanted)) {
    const file = `${dir}/${name.replaceAll("/", "-")}`;
    writeFileSync(file, `${value}\n`);
    await command("mount", "--bind", file, `/proc/sys/${name}`);
  }
}
