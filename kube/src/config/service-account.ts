import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectionMaterial } from "../client/transport.ts";
import type { Clock } from "../time/clock.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { RotatingCredentials } from "./rotating-credentials.ts";

/** Where a pod finds itself: the files of its service account, and the API server in its environment. */
export interface PodPlace {
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly directory?: string;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * The access that Kubernetes gives to a pod; undefined outside of one. It needs none of the library that reads
 * kubeconfigs, which takes 75 MB. Tokens are read again as the kubelet renews them.
 *
 * @throws Error when the files cannot be read.
 */
export async function serviceAccountAccess(
  clock: Clock,
  { directory = "/var/run/secrets/kubernetes.io/serviceaccount", environment = process.env }: PodPlace = {},
): Promise<ClusterAccess | undefined> {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = environment;
  if (host === "" || port === "" || !existsSync(join(directory, "token"))) return undefined;
  const text = async (name: string) => (await readFile(join(directory, name), "utf8")).trim();
  const read = async (): Promise<ConnectionMaterial> => ({
    headers: { authorization: `Bearer ${await text("token")}` },
    tls: { ca: await text("ca.crt") },
  });
  return {
    server: new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`),
    credentials: new RotatingCredentials(read, clock),
    namespace: (await text("namespace").catch(() => "")) || "default",
  };
}
