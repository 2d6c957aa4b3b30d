import { type Client, Discovery, type KubeObject, type ResourceType, systemClock } from "@spice-shards/kube";
import { crdOf } from "../../../../kube/test/support/crd-of.ts";
import { customResourceDefinition } from "../../../src/api/crd.ts";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import { renderCluster } from "../../../src/render/render-cluster.ts";
import type { JsonObject } from "../../../src/schema/schema.ts";
import { exampleContext, exampleResource } from "../../examples.ts";

/** `SpicepodCluster`, as the API serves it. */
export const spicepodClusters: ResourceType = {
  group: "spice.ai",
  version: "v2",
  plural: "spicepodclusters",
  kind: "SpicepodCluster",
  namespaced: true,
};

/** A resource as a user writes it. */
export interface ClusterObject extends KubeObject {
  readonly spec: JsonObject;
  readonly status?: JsonObject;
}

export const clusterCrd = customResourceDefinition() as never as KubeObject;

/** Prometheus' operator is not part of the test: its PodMonitor is taken as it comes. */
export const podMonitorCrd = crdOf(types.podMonitor, {
  schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});

/** Of the shape of cert-manager's, with what tests read of it. */
export const certificateCrd = crdOf(types.certificate, {
  subresources: { status: {} },
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          required: ["issuerRef", "secretName"],
          properties: {
            secretName: { type: "string" },
            secretTemplate: {
              type: "object",
              properties: { labels: { type: "object", additionalProperties: { type: "string" } } },
            },
            issuerRef: {
              type: "object",
              required: ["name"],
              properties: {
                name: { type: "string" },
                kind: { type: "string" },
                group: { type: "string" },
              },
            },
            commonName: { type: "string" },
            dnsNames: { type: "array", items: { type: "string" } },
            uris: { type: "array", items: { type: "string" } },
            usages: { type: "array", items: { type: "string" } },
            duration: { type: "string" },
            renewBefore: { type: "string" },
            revisionHistoryLimit: { type: "integer", minimum: 1 },
            privateKey: {
              type: "object",
              properties: {
                algorithm: { type: "string", enum: ["RSA", "ECDSA", "Ed25519"] },
                encoding: { type: "string", enum: ["PKCS1", "PKCS8"] },
                rotationPolicy: { type: "string", enum: ["Never", "Always"] },
                size: { type: "integer" },
              },
            },
          },
        },
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
});

/** An example as a user would write it, in another namespace or under another name. */
export function exampleCluster(name: string, metadata: { namespace: string; name?: string }): ClusterObject {
  const example = exampleResource(name) as never as ClusterObject;
  const own = { name: example.metadata.name ?? "" };
  return {
    apiVersion: example.apiVersion,
    kind: example.kind,
    metadata: { ...own, ...metadata },
    spec: example.spec,
  };
}

/** What the renderers make of an example, as children of `owner`, which the API server holds. */
export function renderExample(name: string, owner: KubeObject): KubeObject[] {
  const context = exampleContext(name);
  const { namespace = "", uid = "", generation = 1 } = owner.metadata;
  const metadata = { ...context.cluster.metadata, namespace, uid, generation };
  return [
    ...renderCluster({ ...context, cluster: { ...context.cluster, metadata } }),
  ] as never as KubeObject[];
}

/** Finds where the API serves an object. */
export function typesOf(client: Client): (object: KubeObject) => Promise<ResourceType> {
  const discovery = new Discovery({ client, clock: systemClock });
  return async ({ apiVersion, kind }) => {
    const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
    const found = await discovery.find(group, kind);
    if (found === undefined) throw new Error(`${apiVersion} ${kind} is not served`);
    return found;
  };
}
