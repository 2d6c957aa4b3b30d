import type { KubeObject } from "../client/object.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** An object without what controllers never read and what often is the larger half of it. */
export function trimObject<T extends KubeObject>(object: T): T {
  const { managedFields: _fields, annotations, ...metadata } = object.metadata;
  if (annotations === undefined) return { ...object, metadata };
  const { [lastApplied]: _applied, ...kept } = annotations;
  return { ...object, metadata: { ...metadata, annotations: kept } };
}
