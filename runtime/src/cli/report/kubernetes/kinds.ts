import type { KubeObject, ResourceType } from "@spice-shards/kube";

const type = (group: string, plural: string, kind: string, version = "v1"): ResourceType => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
});

export const clusterType = type("spice.ai", "spicepodclusters", "SpicepodCluster", "v2");
export const podType = type("", "pods", "Pod");
export const secretType = type("", "secrets", "Secret");
export const eventType = type("", "events", "Event");

/** Kinds of a cluster's children that go into a bundle as they are, but for their secrets. */
export const childTypes: readonly ResourceType[] = [
  type("apps", "deployments", "Deployment"),
  type("apps", "statefulsets", "StatefulSet"),
  type("apps", "replicasets", "ReplicaSet"),
  type("", "services", "Service"),
  type("", "configmaps", "ConfigMap"),
  type("", "persistentvolumeclaims", "PersistentVolumeClaim"),
  type("policy", "poddisruptionbudgets", "PodDisruptionBudget"),
  type("", "serviceaccounts", "ServiceAccount"),
  type("networking.k8s.io", "networkpolicies", "NetworkPolicy"),
];

/** A pod as far as a bundle needs to understand it. */
export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly initContainers?: readonly Container[];
    readonly containers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: Readonly<Record<string, { readonly reason?: string; readonly message?: string }>>;
}

export interface ClusterObject extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}
