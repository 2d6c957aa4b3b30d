import { finalizer } from "../api/names.ts";
import { sharesState } from "../api/spicepod-cluster.ts";
import type { JsonObject } from "../schema/schema.ts";
import { at, type ClusterObject } from "./objects.ts";
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
