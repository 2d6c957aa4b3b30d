import type { KubeObject, ResourceType } from "../../src/index.ts";
import { crdOf } from "./crd-of.ts";

/** A kind of tests that keeps whatever it is given. */
export const widgets: ResourceType = {
  ...{ group: "example.test", version: "v1", plural: "widgets", kind: "Widget", namespaced: true },
};

export interface Widget extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
}

export const widgetCrd = crdOf(widgets, {
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
});

export function widget(namespace: string, name: string, spec: Record<string, unknown> = {}): Widget {
  return { apiVersion: "example.test/v1", kind: "Widget", metadata: { name, namespace }, spec };
}
