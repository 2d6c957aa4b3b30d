import { suggest } from "@spice-shards/spicepod";
import { apiVersion, kind } from "../api/names.ts";
import { type SpicepodCluster, spicepodClusterSchema } from "../api/spicepod-cluster.ts";
import { applyDefaults, isObject } from "../schema/apply-defaults.ts";
import { check, type FieldProblem } from "../schema/check.ts";
import type { Json } from "../schema/schema.ts";
import { checkEmbeddedSpicepod } from "./spicepod.ts";
import { warningsOf } from "./warnings.ts";

/** A resource that can be rendered, or everything that is wrong with it. */
export type Validation =
  | {
      readonly cluster: SpicepodCluster;
      readonly warnings: readonly FieldProblem[];
      readonly problems?: undefined;
    }
  | {
      readonly problems: readonly FieldProblem[];
      readonly warnings: readonly FieldProblem[];
      readonly cluster?: undefined;
    };

/**
 * Judges a SpicepodCluster as the API server and the runtime would (spec chapter 09, Admission): shape, unknown
 * fields, the rules between fields, changes against `old`, and the embedded spicepod. Used by the webhook, by the
 * reconciler and by `render`. Pure; never throws for anything that JSON can hold.
 */
export function validateCluster(resource: Json, old?: Json): Validation {
  const identity = checkIdentity(resource);
  if (identity.length > 0) return { problems: identity, warnings: [] };
  const before = old === undefined ? undefined : applyDefaults(spicepodClusterSchema, old);
  // The status is the operator's own and of no interest here.
  const { status: _, ...written } = resource as { readonly [key: string]: Json };
  const complete = applyDefaults(spicepodClusterSchema, written);
  const problems = check(spicepodClusterSchema, complete, "", { suggest, old: before });
  const spicepod = spicepodOf(complete);
  const inside = spicepod === undefined ? [] : checkEmbeddedSpicepod(spicepod);
  const all = [...problems, ...inside];
  if (all.length > 0) return { problems: all, warnings: [] };
  const { metadata, spec } = complete as never as SpicepodCluster;
  const cluster: SpicepodCluster = {
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? "default",
      uid: metadata.uid ?? "",
      generation: metadata.generation ?? 1,
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec,
  };
  return { cluster, warnings: warningsOf(cluster) };
}

/** One line: `spec.executorSpec.replicas: must be at least 0, found -1.` */
export function formatFieldProblem({ path, message }: FieldProblem): string {
  return path === "" ? message : `${path}: ${message}`;
}

function checkIdentity(resource: Json): readonly FieldProblem[] {
  if (!isObject(resource)) return [{ path: "", message: "This is not a Kubernetes resource." }];
  const { apiVersion: givenVersion, kind: givenKind, metadata } = resource;
  if (givenVersion !== apiVersion || givenKind !== kind) {
    const message = `must be ${apiVersion} ${kind}, found ${String(givenVersion)} ${String(givenKind)}.`;
    return [{ path: "apiVersion", message }];
  }
  return isObject(metadata) && typeof metadata["name"] === "string"
    ? []
    : [{ path: "metadata.name", message: "is missing." }];
}

function spicepodOf(resource: Json): Json | undefined {
  const down = (value: Json | undefined, name: string) => (isObject(value) ? value[name] : undefined);
  const found = down(down(down(resource, "spec"), "schedulerSpec"), "spicepod");
  return isObject(found) ? found : undefined;
}
