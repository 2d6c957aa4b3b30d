import {
  type Client,
  type Clock,
  Discovery,
  isNotFound,
  type KubeObject,
  objectKey,
} from "@spice-shards/kube";
import { types } from "../reconcile/cache/resource-types.ts";
import type { ClusterObject } from "../reconcile/objects.ts";
import { embeddedLocation } from "../reconcile/state-location.ts";

const defaultClass = "storageclass.kubernetes.io/is-default-class";

export interface StorageClass {
  readonly name: string;
  readonly isDefault: boolean;
}

/** A SpicepodCluster, as `namespace/name`, with where it keeps its state. */
export interface LocatedCluster {
  readonly key: string;
  readonly location: string;
}

/** What a review needs to know beside the resource. Every method throws when it cannot be read. */
export interface Lookups {
  storageClasses(signal: AbortSignal): Promise<readonly StorageClass[]>;
  stateLocations(signal: AbortSignal): Promise<readonly LocatedCluster[]>;
  /** Whether the API server knows Certificates of cert-manager. */
  hasCertManager(signal: AbortSignal): Promise<boolean>;
  exists(
    kind: "Secret" | "ConfigMap",
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** What was read is believed for this long: bursts of reviews cost one request. The reconciler sees what slips through. */
const freshMs = 1000;

/** Asks the API server; `namespaces` are those that the operator watches, all when empty. */
export function lookupsOf(
  client: Pick<Client, "get" | "list" | "getPath">,
  clock: Clock,
  namespaces: readonly string[],
): Lookups {
  const scopes = namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
  return {
    storageClasses: shared(clock, async () => {
      const { items } = await client.list<KubeObject>(types.storageClass);
      return items.map(({ metadata }) => ({
        name: metadata.name ?? "",
        isDefault: metadata.annotations?.[defaultClass] === "true",
      }));
    }),
    stateLocations: shared(clock, async () => {
      // Version 0: from the API server's own cache.
      const pages = await Promise.all(
        scopes.map((scope) => client.list<ClusterObject>(types.cluster, { ...scope, resourceVersion: "0" })),
      );
      return pages
        .flatMap(({ items }) => items)
        .flatMap((cluster) => {
          const location = embeddedLocation(cluster);
          return location === undefined ? [] : [{ key: objectKey(cluster), location }];
        });
    }),
    hasCertManager: shared(clock, () => new Discovery({ client, clock }).serves(types.certificate)),
    async exists(kind, namespace, name, signal) {
      const type = kind === "Secret" ? types.secret : types.configMap;
      try {
        await client.get(type, { namespace, name }, signal);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
  };
}

/** Callers share one reading, and what it found for a while. */
function shared<T>(clock: Clock, read: () => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let last: { readonly at: number; readonly found: Promise<T> } | undefined;
  return async (signal) => {
    signal.throwIfAborted();
    const now = clock.monotonicMs();
    if (last === undefined || now - last.at > freshMs) {
      const mine = { at: now, found: read() };
      last = mine;
      mine.found.catch(() => {
        if (last === mine) last = undefined; // The next caller asks again.
      });
    }
    return await abortable(last.found, signal);
  };
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
