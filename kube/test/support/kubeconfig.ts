/** The text of a kubeconfig (JSON is YAML) for one user of one server. */
export function kubeconfigText(options: {
  server: string;
  ca: string;
  token: string;
  namespace?: string;
}): string {
  const { server, ca, token, namespace = "default" } = options;
  const cluster = { server, "certificate-authority-data": Buffer.from(ca).toString("base64") };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
  });
}
