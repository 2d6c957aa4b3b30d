import { types } from "../cache/resource-types.ts";
import type { ConfigMapObject } from "../objects.ts";
import type { Pass } from "../pass.ts";

/** A user's ConfigMap. Its text is not in the cache but its version is, so it is read when that has changed. */
export async function readConfigMap(pass: Pass, name: string): Promise<ConfigMapObject | undefined> {
  const { memory, deps, namespace } = pass;
  const cached = deps.caches.child("configMap", `${namespace}/${name}`);
  const known = memory.configMap;
  const isCurrent =
    cached !== undefined &&
    known?.metadata.uid === cached.metadata.uid &&
    known?.metadata.resourceVersion === cached.metadata.resourceVersion;
  if (isCurrent) return known;
  memory.configMap = await pass.read<ConfigMapObject>(types.configMap, name);
  return memory.configMap;
}
