import { apiVersion, kind, label, type Role } from "../api/names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";

type Texts = { readonly [key: string]: string };

/** What a role's pods are selected by. Never changes in the life of a cluster. */
export function selectorOf(cluster: string, role: Role, executor?: number): Texts {
  return {
    [label.cluster]: cluster,
    [label.role]: role,
    ...(executor === undefined ? {} : { [label.executor]: String(executor) }),
  };
}

/** The labels of an object: users' first, so that the operator's own win. */
export function labelsOf(cluster: string, role?: Role, users: Texts = {}, executor?: number): Texts {
  return {
    ...users,
    "app.kubernetes.io/name": "spice",
    "app.kubernetes.io/instance": cluster,
    ...(role === undefined ? {} : { "app.kubernetes.io/component": role }),
    "app.kubernetes.io/managed-by": "spice-operator",
    ...(role === undefined ? { [label.cluster]: cluster } : selectorOf(cluster, role, executor)),
  };
}

/** Name, labels and the owner reference by which garbage collection finds the object. */
export function metadataOf(
  { cluster }: RenderContext,
  name: string,
  labels: Texts,
  annotations: Texts = {},
): KubernetesObject["metadata"] {
  return ownedMetadata(cluster, name, labels, annotations);
}

/** A cluster as far as its objects name it. */
export interface OwnerOf {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
}

/** The same for a cluster that need not be valid. */
export function ownedMetadata(
  { metadata }: OwnerOf,
  name: string,
  labels: Texts,
  annotations: Texts = {},
): KubernetesObject["metadata"] {
  return {
    name,
    namespace: metadata.namespace,
    labels,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ownerReferences: [
      {
        apiVersion,
        kind,
        name: metadata.name,
        uid: metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}
