import { sharesState } from "../api/spicepod-cluster.ts";
import type { JsonObject } from "../schema/schema.ts";
import { at, type ClusterObject } from "./objects.ts";

/** Where a spicepod keeps the state, if others could reach it too; the store's endpoint tells apart what has one name. */
export function stateLocationOf(spicepod: JsonObject): string | undefined {
  if (!sharesState(spicepod)) return undefined;
  const location = String(at(spicepod, "runtime", "scheduler", "state_location"))
    .trim()
    .replace(/\/+$/, "");
  const endpoint = at(spicepod, "runtime", "scheduler", "params", "endpoint");
  return typeof endpoint === "string" ? `${location} at ${endpoint.replace(/\/+$/, "")}` : location;
}

/** The location of a cluster whose spicepod is in the resource. */
export function embeddedLocation({ spec }: ClusterObject): string | undefined {
  const spicepod = at(spec, "schedulerSpec", "spicepod");
  return typeof spicepod === "object" && spicepod !== null && !Array.isArray(spicepod)
    ? stateLocationOf(spicepod as JsonObject)
    : undefined;
}

/** Who uses a location, and since when. */
export function holderOf(key: string, { metadata }: ClusterObject) {
  const { creationTimestamp: createdAt = "", uid = "" } = metadata;
  return { key, createdAt, uid };
}
