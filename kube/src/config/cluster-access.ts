import type { Credentials } from "../client/transport.ts";

/** Where the API server is and who we are to it. */
export interface ClusterAccess {
  readonly server: URL;
  readonly credentials: Credentials;
  /** The namespace of the kubeconfig's context, or of this pod. */
  readonly namespace: string;
}
