import type { ObjectMeta } from "@spice-shards/kube";

type Versioned = { readonly metadata: ObjectMeta };

/**
 * The newer of two states of one object: `other` only when its version is larger. Kubernetes promises that versions of
 * one kind can be compared as numbers; where they are none, the cached state holds.
 */
export function newerOf<T extends Versioned>(cached: T, other: T | undefined): T {
  if (other === undefined || other.metadata.uid !== cached.metadata.uid) return cached;
  const [a, b] = [cached.metadata.resourceVersion ?? "", other.metadata.resourceVersion ?? ""];
  if (!/^[1-9]\d*$/.test(a) || !/^[1-9]\d*$/.test(b)) return cached;
  return b.length === a.length ? (b > a ? other : cached) : b.length > a.length ? other : cached;
}
