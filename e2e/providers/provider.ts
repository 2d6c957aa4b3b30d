/** A Kubernetes that stories run on. */
export interface Cluster {
  /** The path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Give every node the image of an archive (docker's format), so that pods need no registry. */
  loadImage(archive: string): Promise<void>;
}

/** Where a Kubernetes comes from. */
export interface Provider {
  readonly name: string;
  /** Make a cluster, or answer the one of this name that is there. */
  up(name: string, options: UpOptions): Promise<Cluster>;
  /** The cluster of this name. @throws Error when it is not up */
  find(name: string): Promise<Cluster>;
  /** End it, also what is left of one that crashed; nothing when there is none. */
  down(name: string): Promise<void>;
}

export interface UpOptions {
  /** Nodes that run pods, where the provider makes them. */
  readonly nodes: number;
  /** Whether the cluster ends when this process does, however that happens. */
  readonly endsWithCaller: boolean;
}
