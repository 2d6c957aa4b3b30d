import type { Kubectl } from "./kubectl.ts";

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
  const { name, image, port, env = {} } = server;
  const labels = { app: name };
  await kubectl.apply(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name,
            image,
            env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
            ports: [{ containerPort: port }],
            readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          },
        ],
        volumes: [{ name: "tmp", emptyDir: {} }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ port }] },
    },
  );
  await kubectl.run("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s");
}
