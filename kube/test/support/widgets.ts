import type { KubeObject, ResourceType } from "../../src/index.ts";

/** A kind of tests that keeps whatever it is given. */
export const widgets: ResourceType = {
  ...{ group: "example.test", version: "v1", plural: "widgets", kind: "Widget", namespaced: true },
};

export interface Widget extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
}

export const widgetCrd: KubeObject & { readonly spec: object } = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.test" },
  spec: {
    group: "example.test",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: { size: { type: "integer", maximum: 9 } },
                "x-kubernetes-preserve-unknown-fields": true,
              },
            },
          },
        },
      },
    ],
  },
};

export function widget(namespace: string, name: string, spec: Record<string, unknown> = {}): Widget {
  return { apiVersion: "example.test/v1", kind: "Widget", metadata: { name, namespace }, spec };
}
