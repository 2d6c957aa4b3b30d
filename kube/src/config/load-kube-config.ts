import type { Credentials } from "../client/transport.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { KubeConfigCredentials } from "./kube-config-credentials.ts";

/** Where the API server is and who we are to it. */
export interface ClusterAccess {
  readonly server: URL;
  readonly credentials: Credentials;
  /** The namespace of the kubeconfig's context, or of this pod. */
  readonly namespace: string;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Finds the cluster as `kubectl` does: `file`, else `$KUBECONFIG`, else `~/.kube/config`, else the service
 * account of this pod.
 *
 * @throws ConfigError when there is none, or it asks for what this client does not do (a proxy).
 */
export async function loadKubeConfig(
  options: { file?: string; context?: string; clock?: Clock } = {},
): Promise<ClusterAccess> {
  // The library takes 0.7 s to import: only who asks for it pays.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (options.file !== undefined) config.loadFromFile(options.file);
    else config.loadFromDefault();
  } catch (cause) {
    throw new ConfigError(`cannot load the kubeconfig: ${(cause as Error).message}`, { cause });
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new ConfigError(`the kubeconfig has no cluster for context ${config.getCurrentContext()}`);
  if (cluster.proxyUrl) throw new ConfigError(`cluster ${cluster.name}: proxy-url is not supported`);
  return {
    server: new URL(cluster.server),
    credentials: new KubeConfigCredentials(config, options.clock ?? systemClock),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() || "default",
  };
}
