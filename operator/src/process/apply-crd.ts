import {
  Client,
  type Clock,
  type ClusterAccess,
  type KubeObject,
  type Random,
  type ResourceType,
  Transport,
} from "@spice-shards/kube";
import { customResourceDefinition } from "../api/crd.ts";
import { fieldManager } from "../api/names.ts";

const crdType: ResourceType = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

/**
 * Applies the CustomResourceDefinition with server-side apply. @returns its name
 * @throws StatusError and the like when the API server refuses or is away
 */
export async function applyCrd(access: ClusterAccess, clock: Clock, random: Random): Promise<string> {
  const transport = new Transport(access);
  try {
    const client = new Client({ transport, clock, random, userAgent: "spiceai-operator" });
    const crd = customResourceDefinition() as never as KubeObject & { metadata: { name: string } };
    await client.apply(crdType, crd, { fieldManager, force: true });
    return crd.metadata.name;
  } finally {
    transport.close();
  }
}
