import type { ObjectMeta } from "@spice-shards/kube";

type Versioned = { readonly metadata: ObjectMeta };

/**
 * The newer of two states of one object: `other` only when its version is larger. Kubernetes promises that versions of
 * one kind can be compared as numbers; where they are none, the cached state holds.
 */
export function newerOf<T extends Versioned>(cached: T, other: T | undefined): T {
  if (other === undefined || other.metadata.uid !== cached.metadata.uid) return cached;
  const [a, b] = [cached.metadata.resourceVersion ?? "", other.metadata.resourceVersion ?? ""];
  return isOlder(a, b) ? other : cached;
}

/** Whether a version is older than another; versions that are no numbers are not. */
export function isOlder(version: string, than: string): boolean {
  if (!/^[1-9]\d*$/.test(version) || !/^[1-9]\d*$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
