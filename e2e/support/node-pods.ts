import { Kubectl } from "./kubectl.ts";
import { s3Image } from "./s3-image.ts";

interface PlacedPod {
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly containerStatuses: readonly { readonly containerID: string }[] };
}

const namespace = "story-nodes";
const labels = { app: "story-node" };

/** Sends a signal to all processes of the container of an id, and tells theirs. */
const signalAll = `
for file in /proc/[0-9]*/cgroup; do
  if grep -q "$0" "$file" 2>/dev/null; then
    process=\${file#/proc/}
    kill "-$1" "\${process%/cgroup}" && echo "\${process%/cgroup}"
  fi
done
true`;

/** A pod on every node that sees the node's processes, for what cannot be done to a container from within. */
export class NodePods {
  readonly #kubectl = new Kubectl(namespace);

  static async start(): Promise<NodePods> {
    const pods = new NodePods();
    const container = {
      name: "node",
      image: s3Image,
      command: ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
      securityContext: { runAsUser: 0 },
    };
    await pods.#kubectl.apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "node", labels },
        spec: {
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              hostPID: true,
              terminationGracePeriodSeconds: 1,
              automountServiceAccountToken: false,
              tolerations: [{ operator: "Exists" }],
              containers: [container],
            },
          },
        },
      },
    );
    await pods.#kubectl.run("rollout", "status", "daemonset/node", "--timeout=90s");
    return pods;
  }

  /** Sends a signal to the process in a pod. @throws Error when there is none */
  async signal(of: Kubectl, pod: string, signal: "KILL" | "STOP" | "CONT"): Promise<void> {
    const { spec, status } = await of.get<PlacedPod>(`pod/${pod}`);
    const id = status.containerStatuses[0]?.containerID.replace(/^.*:\/\//, "") ?? "";
    const chosen = ["--selector", "app=story-node", "--field-selector", `spec.nodeName=${spec.nodeName}`];
    const { items } = await this.#kubectl.get<{ items: { metadata: { name: string } }[] }>("pods", ...chosen);
    const name = items[0]?.metadata.name ?? "";
    const said = await this.#kubectl.run("exec", name, "--", "/bin/sh", "-c", signalAll, id, signal);
    if (said.trim() === "") throw new Error(`${pod} has no process on ${spec.nodeName}`);
  }

  async stop(): Promise<void> {
    await this.#kubectl.run("delete", "namespace", namespace, "--ignore-not-found", "--wait=false");
  }
}
