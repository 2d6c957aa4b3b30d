import { parseQuantity } from "@spice-shards/kube";
import { label } from "../../api/names.ts";
import type { Json, JsonObject } from "../../schema/schema.ts";
import { at, type ClaimObject, type StatefulSetObject, toJson } from "../objects.ts";
import type { Pass } from "../pass.ts";

/**
 * The resource with the volumes that its executors really have, in the place of the version before an update: the
 * rules about changes of volumes then hold without a webhook, and whatever happened while nobody watched.
 */
export function liveSpec(pass: Pass, sets: readonly StatefulSetObject[]): Json | undefined {
  const [set] = sets
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .sort((a, b) => indexOf(a) - indexOf(b));
  const spec = pass.resource.spec;
  const executorSpec = at(spec, "executorSpec");
  if (set === undefined || !isMap(spec) || (executorSpec !== undefined && !isMap(executorSpec)))
    return undefined;
  const claims = pass.deps.caches.childrenOf<ClaimObject>("claim", pass.key);
  const volumeClaimTemplates = (set.spec.volumeClaimTemplates ?? []).map((template) => {
    const name = String(at(template, "metadata", "name"));
    const storageClassName = at(template, "spec", "storageClassName");
    const storage = largest([
      at(template, "spec", "resources", "requests", "storage"),
      ...claims
        .filter(({ metadata }) => metadata.name?.startsWith(`${name}-`) === true)
        .filter(({ metadata }) => metadata.labels?.[label.executor] === set.metadata.labels?.[label.executor])
        .map((claim) => claim.spec.resources?.requests?.storage),
    ]);
    return {
      metadata: { name },
      spec: {
        ...(storageClassName === undefined ? {} : { storageClassName }),
        resources: { requests: { storage } },
      },
    };
  });
  const { volumeClaimTemplates: _, ...rest } = (executorSpec ?? {}) as JsonObject;
  const live = { ...rest, ...(volumeClaimTemplates.length === 0 ? {} : { volumeClaimTemplates }) };
  return toJson({ ...pass.resource, spec: { ...spec, executorSpec: live } });
}

function indexOf({ metadata }: StatefulSetObject): number {
  return Number(metadata.labels?.[label.executor] ?? 0);
}

function largest(quantities: readonly unknown[]): Json {
  const known = quantities.filter((each) => typeof each === "string" || typeof each === "number");
  return known.reduce<string | number>(
    (best, each) => ((parseQuantity(each) ?? 0n) > (parseQuantity(best) ?? 0n) ? each : best),
    known[0] ?? "0",
  );
}

function isMap(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
