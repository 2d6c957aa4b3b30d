/** A kind of object and where the API serves it. */
export interface ResourceType {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(type: Pick<ResourceType, "group" | "version">): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** Which object, or which collection, a request is about. */
export interface Target {
  readonly namespace?: string;
  readonly name?: string;
  /** `status`, `scale`, `eviction`, … */
  readonly subresource?: string;
}

/**
 * The path of an object or a collection; without a namespace, the collection of all namespaces.
 *
 * @throws RangeError when the namespace does not fit the type's scope.
 */
export function resourcePath(type: ResourceType, target: Target): string {
  const { namespace, name, subresource } = target;
  if (!type.namespaced && namespace !== undefined) throw new RangeError(`${type.kind} has no namespace`);
  if (type.namespaced && name !== undefined && namespace === undefined) {
    throw new RangeError(`${type.kind} ${name} needs a namespace`);
  }
  const parts = [type.group === "" ? "api" : `apis/${type.group}`, type.version];
  if (namespace !== undefined) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(type.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.join("/")}`;
}
