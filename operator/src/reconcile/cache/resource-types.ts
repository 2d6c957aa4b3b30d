import type { ResourceType } from "@spice-shards/kube";
import { group, kind, version } from "../../api/names.ts";

const type = (group: string, version: string, plural: string, kind: string): ResourceType => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
});

/** Every kind that the operator reads or writes. */
export const types = {
  cluster: type(group, version, "spicepodclusters", kind),
  configMap: type("", "v1", "configmaps", "ConfigMap"),
  service: type("", "v1", "services", "Service"),
  serviceAccount: type("", "v1", "serviceaccounts", "ServiceAccount"),
  secret: type("", "v1", "secrets", "Secret"),
  pod: type("", "v1", "pods", "Pod"),
  claim: type("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
  deployment: type("apps", "v1", "deployments", "Deployment"),
  statefulSet: type("apps", "v1", "statefulsets", "StatefulSet"),
  budget: type("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
  role: type("rbac.authorization.k8s.io", "v1", "roles", "Role"),
  roleBinding: type("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
  networkPolicy: type("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
  podMonitor: type("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor"),
  certificate: type("cert-manager.io", "v1", "certificates", "Certificate"),
  job: type("batch", "v1", "jobs", "Job"),
  storageClass: { ...type("storage.k8s.io", "v1", "storageclasses", "StorageClass"), namespaced: false },
} as const;

/**
 * Kinds that are watched, besides the clusters themselves. Secrets are not, so that the operator needs no right to list
 * them; Certificates are not, since what counts is in the Secrets.
 */
export const watchedChildren = [
  "configMap",
  "service",
  "serviceAccount",
  "pod",
  "claim",
  "deployment",
  "statefulSet",
  "budget",
  "role",
  "roleBinding",
  "networkPolicy",
  "podMonitor",
] as const;

/** Watched kinds that an API server may not serve: of those there are none until it does. */
export const optionalChildren: readonly WatchedChild[] = ["podMonitor"];

export type WatchedChild = (typeof watchedChildren)[number];

/** The watched child of a kind; undefined for kinds that are not watched. */
export function watchedOf(kind: string): WatchedChild | undefined {
  return watchedChildren.find((name) => types[name].kind === kind);
}

/** @throws RangeError for a kind that the operator does not write. */
export function typeOf(kind: string): ResourceType {
  const found = Object.values(types).find((each) => each.kind === kind);
  if (found === undefined) throw new RangeError(`${kind} is no kind of ours`);
  return found;
}
