import type { Kubectl } from "./kubectl.ts";
import { restrictedPod } from "./restricted-pod.ts";

/** A server of the story in a pod under the restricted standard, as the Service of its name, and ready. */
export async function startServerPod(
  kubectl: Kubectl,
  server: {
    readonly name: string;
    readonly image: string;
    readonly port: number;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { name, image, port, env } = server;
  const labels = { app: name };
  const more = {
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
  await kubectl.apply(restrictedPod({ name, image, env, more }, [{ name: "tmp", emptyDir: {} }]), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, labels },
    spec: { selector: labels, ports: [{ port }] },
  });
  await kubectl.run("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s");
}
