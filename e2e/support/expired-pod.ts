import type { PemPair } from "@spice-shards/certificates";

/** A node with a leaf whose time is over, and the Secrets of that leaf and of its root. */
export function expiredPod(root: PemPair, leaf: PemPair): readonly object[] {
  const secret = (name: string, { certificate, key }: PemPair) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    stringData: { "tls.crt": certificate, "tls.key": key, "ca.crt": root.certificate },
  });
  const files = [
    ...["--node-mtls-ca-certificate-file", "/certs/ca.crt"],
    ...["--node-mtls-certificate-file", "/certs/tls.crt", "--node-mtls-key-file", "/certs/tls.key"],
  ];
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "expired" },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      securityContext: {
        ...{ runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 },
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "spiced",
          image: "ghcr.io/spiceai/spiced:0.1.0",
          args: ["--role", "executor", "--scheduler-address", "https://nobody:50052", ...files],
          terminationMessagePolicy: "FallbackToLogsOnError",
          securityContext: {
            ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [{ name: "certs", mountPath: "/certs", readOnly: true }],
        },
      ],
      volumes: [{ name: "certs", secret: { secretName: "expired-leaf", defaultMode: 0o440 } }],
    },
  };
  return [secret("expired-root", root), secret("expired-leaf", leaf), pod];
}
