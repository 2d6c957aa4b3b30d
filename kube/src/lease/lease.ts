import type { Client } from "../client/client.ts";
import type { KubeObject } from "../client/object.ts";
import type { ResourceType } from "../client/resource-type.ts";
import { isNotFound } from "../client/status-error.ts";

export const leaseType: ResourceType = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

/** A Lease as the API server keeps it. */
export interface Lease extends KubeObject {
  readonly spec?: {
    /** "" or absent: free. */
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Where one Lease is kept. Writes are conditional: `replace` on the version read, `create` on absence. */
export interface LeaseStore {
  read(signal: AbortSignal): Promise<Lease | undefined>;
  create(lease: Lease, signal: AbortSignal): Promise<Lease>;
  replace(lease: Lease, signal: AbortSignal): Promise<Lease>;
}

/** The Lease `namespace/name` of a cluster. Give it a client without a limiter. */
export function leaseStore(client: Client, namespace: string, name: string): LeaseStore {
  const named = (lease: Lease): Lease => ({ ...lease, metadata: { ...lease.metadata, namespace, name } });
  return {
    async read(signal) {
      try {
        return await client.get<Lease>(leaseType, { namespace, name }, signal);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: (lease, signal) => client.create(leaseType, named(lease), { signal }),
    replace: (lease, signal) => client.replace(leaseType, named(lease), { signal }),
  };
}
