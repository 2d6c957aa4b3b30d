import { digest, isForbidden } from "@spice-shards/kube";
import type { Reason } from "../../api/conditions.ts";
import type { SpicepodCluster } from "../../api/spicepod-cluster.ts";
import type { Json } from "../../schema/schema.ts";
import { types } from "../cache/resource-types.ts";
import { at, type StatefulSetObject, toJson } from "../objects.ts";
import type { Pass } from "../pass.ts";

export interface Reference {
  readonly path: string;
  readonly kind: "Secret" | "ConfigMap" | "StorageClass";
  readonly name: string;
}

interface Missing {
  readonly reason: Reason;
  readonly message: string;
}

const defaultClass = "storageclass.kubernetes.io/is-default-class";

/**
 * Whether the objects exist without which pods could not start. What was found is believed until the next resync or the
 * next change of the resource; what was missing is looked for again.
 */
export async function checkReferences(
  pass: Pass,
  cluster: SpicepodCluster,
  sets: readonly StatefulSetObject[],
): Promise<Missing | undefined> {
  const references = [...referencesOf(cluster), ...storageClasses(cluster, sets)];
  const wanted = digest(references);
  const { memory, deps } = pass;
  const now = deps.clock.monotonicMs();
  const known = memory.references;
  if (known?.digest === wanted && now - known.atMs < deps.settings.resyncMs) return undefined;
  for (const reference of references) {
    const missing = await look(pass, reference);
    if (missing !== undefined) {
      // Secrets and storage classes are not watched.
      pass.lookAgainIn(missingAgainMs);
      return missing;
    }
  }
  memory.references = { digest: wanted, atMs: now };
  return undefined;
}

/** How often to look for what is missing. */
const missingAgainMs = 15_000;

async function look(pass: Pass, { path, kind, name }: Reference): Promise<Missing | undefined> {
  const where = `${pass.namespace}/${name}`;
  switch (kind) {
    case "ConfigMap":
      if (pass.deps.caches.child("configMap", where) !== undefined) return undefined;
      if ((await pass.read(types.configMap, name)) !== undefined) return undefined;
      return { reason: "MissingConfigMap", message: `${path}: ConfigMap ${where} does not exist.` };
    case "Secret":
      if ((await pass.read(types.secret, name)) !== undefined) return undefined;
      return { reason: "MissingSecret", message: `${path}: Secret ${where} does not exist.` };
    case "StorageClass":
      return await lookForClass(pass, path, name);
    default:
      return kind satisfies never;
  }
}

/** An operator that may read one namespace only cannot see storage classes, and lets the volumes' controller judge. */
async function lookForClass(pass: Pass, path: string, name: string): Promise<Missing | undefined> {
  try {
    if (name !== "") {
      if ((await pass.read(types.storageClass, name)) !== undefined) return undefined;
      return { reason: "MissingStorageClass", message: `${path}: storage class ${name} does not exist.` };
    }
    const { items } = await pass.deps.client.list(types.storageClass, {}, pass.signal);
    if (items.some(({ metadata }) => metadata.annotations?.[defaultClass] === "true")) return undefined;
    const message = `${path}: no storage class is named, and there is no default storage class.`;
    return { reason: "MissingStorageClass", message };
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** Classes count for claims that have yet to be made. */
function storageClasses({ spec }: SpicepodCluster, sets: readonly StatefulSetObject[]): readonly Reference[] {
  const { volumeClaimTemplates = [], replicas } = spec.executorSpec;
  if (sets.length >= replicas) return [];
  return volumeClaimTemplates.map(({ spec: claim }, i) => ({
    path: `spec.executorSpec.volumeClaimTemplates[${i}].spec.storageClassName`,
    kind: "StorageClass",
    name: claim.storageClassName ?? "",
  }));
}

/** What pods of the cluster need from its namespace, with the field that names it. */
export function referencesOf({ spec }: SpicepodCluster): readonly Reference[] {
  const found: Reference[] = [];
  const add = (kind: Reference["kind"], path: string, name: Json | undefined, optional?: Json) => {
    if (typeof name === "string" && name !== "" && optional !== true) found.push({ kind, path, name });
  };
  add("Secret", "spec.image.pullSecret", spec.image.pullSecret);
  for (const role of ["schedulerSpec", "executorSpec"] as const) {
    const node = spec[role];
    const base = `spec.${role}`;
    add("Secret", `${base}.image.pullSecret`, node.image?.pullSecret);
    node.env?.forEach(({ valueFrom }, i) => {
      const path = `${base}.env[${i}].valueFrom`;
      const from = toJson(valueFrom);
      for (const [kind, field] of [
        ["Secret", "secretKeyRef"],
        ["ConfigMap", "configMapKeyRef"],
      ] as const)
        add(kind, `${path}.${field}`, at(from, field, "name"), at(from, field, "optional"));
    });
    node.envFromSource?.forEach(({ secretRef, configMapRef }, i) => {
      add("Secret", `${base}.envFromSource[${i}].secretRef`, secretRef?.name);
      add("ConfigMap", `${base}.envFromSource[${i}].configMapRef`, configMapRef?.name);
    });
    node.volumes?.forEach((volume, i) => {
      const from = toJson(volume);
      const path = `${base}.volumes[${i}]`;
      add("Secret", `${path}.secret`, at(from, "secret", "secretName"), at(from, "secret", "optional"));
      add("ConfigMap", `${path}.configMap`, at(from, "configMap", "name"), at(from, "configMap", "optional"));
    });
  }
  return found;
}
