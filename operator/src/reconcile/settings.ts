/**
 * What the operator's flags say to the controller (spec chapter 09, Operator process). The image of nodes is not here,
 * since the resource's schema defaults it; nor the admission policy, which is the webhook's alone.
 */
export interface OperatorSettings {
  /** The domain of the cluster's DNS names, such as `cluster.local`. */
  readonly clusterDomain: string;
  /** Only these namespaces; all when empty. */
  readonly watchNamespaces: readonly string[];
  /** Never these. */
  readonly denyNamespaces: readonly string[];
  /** Failures of one executor after which its cluster is paused; 0 never pauses. */
  readonly pauseCrashloopingPodsThreshold: number;
  /** Milliseconds after which every cluster is looked at again, its Secrets too. */
  readonly resyncMs: number;
  /** Clusters that are reconciled at the same time. */
  readonly workers: number;
}

/** What the flags default to. */
export const defaultSettings: OperatorSettings = {
  clusterDomain: "cluster.local",
  watchNamespaces: [],
  denyNamespaces: [],
  pauseCrashloopingPodsThreshold: 10,
  resyncMs: 600_000,
  workers: 16,
};
