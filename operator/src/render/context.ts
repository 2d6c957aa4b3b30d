import type { SpicepodCluster } from "../api/spicepod-cluster.ts";
import type { JsonObject } from "../schema/schema.ts";

/** By which garbage collection finds an object. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
  readonly blockOwnerDeletion: boolean;
}

/** A Kubernetes object as it is sent to the API server. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: { readonly [key: string]: string };
    readonly annotations?: { readonly [key: string]: string };
    readonly ownerReferences: readonly OwnerReference[];
  };
  readonly [field: string]: unknown;
}

/** What rendering needs to know of the API server. */
export interface Observed {
  /** The text of the ConfigMap that `spicepodConfigMapRef` names; unused when the spicepod is in the resource. */
  readonly configMapText?: string;
  /** The number for `metadata.generation` of the spicepod, from {@link nextSpicepodGeneration}. */
  readonly spicepodGeneration: number;
  /** The executors that have a StatefulSet, with its claim templates, which cannot change. */
  readonly executors: ReadonlyMap<number, { readonly volumeClaimTemplates: readonly JsonObject[] }>;
  /** Which APIs of others the server has. */
  readonly apis: { readonly podMonitor: boolean };
}

/** One cluster to render. */
export interface RenderContext {
  readonly cluster: SpicepodCluster;
  readonly observed: Observed;
  /** `--cluster-domain` of the operator. */
  readonly clusterDomain: string;
}

/** What a first render sees: nothing is there yet. */
export const nothingObserved: Observed = {
  spicepodGeneration: 1,
  executors: new Map(),
  apis: { podMonitor: false },
};
