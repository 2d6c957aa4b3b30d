import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../time/clock.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { kubeConfigMaterial } from "./kube-config-material.ts";
import { RotatingCredentials } from "./rotating-credentials.ts";
import { type PodPlace, serviceAccountAccess } from "./service-account.ts";

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
  options: { file?: string; context?: string; clock?: Clock; pod?: PodPlace } = {},
): Promise<ClusterAccess> {
  const clock = options.clock ?? systemClock;
  if (options.file === undefined && options.context === undefined && !hasKubeConfig()) {
    const access = await serviceAccountAccess(clock, options.pod).catch((cause: Error) => {
      throw new ConfigError(`cannot read the service account: ${cause.message}`, { cause });
    });
    if (access !== undefined) return access;
  }
  // The library takes 0.7 s and 75 MB to import: only who has a kubeconfig pays.
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
    credentials: new RotatingCredentials(() => kubeConfigMaterial(config), clock),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() || "default",
  };
}

/** Whether there is a kubeconfig where `kubectl` looks for one. */
function hasKubeConfig(): boolean {
  const { KUBECONFIG = "" } = process.env;
  return KUBECONFIG !== "" || existsSync(join(homedir(), ".kube", "config"));
}
