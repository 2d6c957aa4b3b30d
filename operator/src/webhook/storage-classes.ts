import type { Client, Clock, KubeObject, ResourceType } from "@spice-shards/kube";
import type { SpicepodCluster } from "../api/spicepod-cluster.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Verdict } from "./review.ts";

export const storageClassType: ResourceType = {
  group: "storage.k8s.io",
  version: "v1",
  plural: "storageclasses",
  kind: "StorageClass",
  namespaced: false,
};

const defaultClass = "storageclass.kubernetes.io/is-default-class";

export interface StorageClass {
  readonly name: string;
  readonly isDefault: boolean;
}

/** The storage classes of the Kubernetes cluster. */
export interface StorageClasses {
  /** @throws when they cannot be read. */
  list(signal: AbortSignal): Promise<readonly StorageClass[]>;
}

/** Storage classes as the API server has them, at most this old: bursts of reviews cost one request. */
const freshMs = 5000;

/** Reads storage classes with that client; concurrent callers share one request. */
export function storageClassesOf(client: Pick<Client, "list">, clock: Clock): StorageClasses {
  let cached: { readonly at: number; readonly classes: Promise<readonly StorageClass[]> } | undefined;
  const read = async (): Promise<readonly StorageClass[]> => {
    const { items } = await client.list<KubeObject>(storageClassType);
    return items.map(({ metadata }) => ({
      name: metadata.name ?? "",
      isDefault: metadata.annotations?.[defaultClass] === "true",
    }));
  };
  return {
    async list(signal) {
      signal.throwIfAborted();
      const now = clock.monotonicMs();
      if (cached === undefined || now - cached.at > freshMs) {
        const mine = { at: now, classes: read() };
        cached = mine;
        mine.classes.catch(() => {
          if (cached === mine) cached = undefined; // The next caller asks again.
        });
      }
      const { classes } = cached;
      return await abortable(classes, signal);
    },
  };
}

/** What is wrong with the storage classes that a cluster's claims name. Not being able to tell is a warning. */
export async function classProblems(
  cluster: SpicepodCluster,
  classes: StorageClasses,
  signal: AbortSignal,
): Promise<Verdict> {
  const claims = cluster.spec.executorSpec.volumeClaimTemplates ?? [];
  if (claims.length === 0) return { problems: [], warnings: [] };
  let known: readonly StorageClass[];
  try {
    known = await classes.list(signal);
  } catch (error) {
    const path = "spec.executorSpec.volumeClaimTemplates";
    const message = `whether the storage classes exist could not be checked: ${(error as Error).message}.`;
    return { problems: [], warnings: [{ path, message }] };
  }
  const problems: FieldProblem[] = [];
  const warnings: FieldProblem[] = [];
  for (const [i, { spec }] of claims.entries()) {
    const path = `spec.executorSpec.volumeClaimTemplates[${i}].spec.storageClassName`;
    const name = spec.storageClassName;
    if (name === undefined) {
      if (!known.some(({ isDefault }) => isDefault))
        warnings.push({
          path,
          message: "is absent, and no storage class is the default: the claim will wait.",
        });
    } else if (name !== "" && !known.some((known) => known.name === name)) {
      const names = known.map((known) => known.name).join(", ");
      const there = known.length === 0 ? "There is none" : `There are ${names}`;
      problems.push({ path, message: `the storage class ${JSON.stringify(name)} does not exist. ${there}.` });
    }
  }
  return { problems, warnings };
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
