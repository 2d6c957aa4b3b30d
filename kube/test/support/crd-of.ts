import type { KubeObject, ResourceType } from "../../src/index.ts";

/** The definition of a kind of tests with one version, whose schema and subresources are `version`. */
export function crdOf(
  { group, version: name, plural, kind }: ResourceType,
  version: { readonly schema: object; readonly subresources?: object },
): KubeObject & { readonly spec: object } {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [{ name, served: true, storage: true, ...version }],
    },
  };
}
