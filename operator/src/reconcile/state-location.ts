import { parse } from "yaml";
import { finalizer, names } from "../api/names.ts";
import { sharesState } from "../api/spicepod-cluster.ts";
import type { JsonObject } from "../schema/schema.ts";
import type { Caches } from "./cache/caches.ts";
import { at, type ClusterObject, type ConfigMapObject } from "./objects.ts";
import type { Holder } from "./state-locations.ts";

/** Where a spicepod keeps the state, if others could reach it too; the store's endpoint tells apart what has one name. */
export function stateLocationOf(spicepod: JsonObject): string | undefined {
  if (!sharesState(spicepod)) return undefined;
  const location = String(at(spicepod, "runtime", "scheduler", "state_location"))
    .trim()
    .replace(/\/+$/, "");
  const endpoint = at(spicepod, "runtime", "scheduler", "params", "endpoint");
  return typeof endpoint === "string" ? `${location} at ${endpoint.replace(/\/+$/, "")}` : location;
}

/** The spicepod of a cluster that has it in its resource. */
export function embeddedSpicepod({ spec }: ClusterObject): JsonObject | undefined {
  const spicepod = at(spec, "schedulerSpec", "spicepod");
  return typeof spicepod === "object" && spicepod !== null && !Array.isArray(spicepod)
    ? (spicepod as JsonObject)
    : undefined;
}

/** The location of a cluster whose spicepod is in the resource. */
export function embeddedLocation(cluster: ClusterObject): string | undefined {
  const spicepod = embeddedSpicepod(cluster);
  return spicepod === undefined ? undefined : stateLocationOf(spicepod);
}

/** Who uses a location, and since when. The finalizer is there since it was let in. */
export function holderOf(key: string, { metadata }: ClusterObject): Holder {
  const { creationTimestamp: createdAt = "", uid = "", finalizers = [] } = metadata;
  return { key, createdAt, uid, wasLetIn: finalizers.includes(finalizer) };
}

/** What is asked for the spicepod of a cluster that need not be valid. */
export interface SpicepodPlace {
  readonly resource: ClusterObject;
  readonly caches: Pick<Caches, "child">;
}

/** The spicepod in the resource, or the one that its schedulers were given from a ConfigMap. */
export function spicepodOf({ resource, caches }: SpicepodPlace): JsonObject | undefined {
  const embedded = embeddedSpicepod(resource);
  if (embedded !== undefined) return embedded;
  const { namespace = "", name = "" } = resource.metadata;
  const rendered = caches.child<ConfigMapObject>("configMap", `${namespace}/${names.configMap(name)}`);
  const text = rendered?.data?.["spicepod.yaml"];
  return text === undefined ? undefined : (parse(text) as JsonObject);
}
