import type { ResourceType } from "../../src/index.ts";

const type = (
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced = true,
): ResourceType => ({ group, version, plural, kind, namespaced });

export const namespaces = type("", "v1", "namespaces", "Namespace", false);
export const nodes = type("", "v1", "nodes", "Node", false);
export const configMaps = type("", "v1", "configmaps", "ConfigMap");
export const secrets = type("", "v1", "secrets", "Secret");
export const services = type("", "v1", "services", "Service");
export const pods = type("", "v1", "pods", "Pod");
export const serviceAccounts = type("", "v1", "serviceaccounts", "ServiceAccount");
export const claims = type("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
export const deployments = type("apps", "v1", "deployments", "Deployment");
export const statefulSets = type("apps", "v1", "statefulsets", "StatefulSet");
export const leases = type("coordination.k8s.io", "v1", "leases", "Lease");
export const events = type("events.k8s.io", "v1", "events", "Event");
export const storageClasses = type("storage.k8s.io", "v1", "storageclasses", "StorageClass", false);
export const crds = type(
  "apiextensions.k8s.io",
  "v1",
  "customresourcedefinitions",
  "CustomResourceDefinition",
  false,
);

/** A status with conditions. */
export interface Conditions {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}
