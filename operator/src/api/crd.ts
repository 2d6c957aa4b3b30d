import { jsonSchemaOf } from "../schema/json-schema.ts";
import type { JsonObject } from "../schema/schema.ts";
import { structuralSchema } from "../schema/structural.ts";
import { apiVersion, group, kind, version } from "./names.ts";
import { spicepodClusterSchema } from "./spicepod-cluster.ts";

const doc =
  "A cluster of schedulers and executors that keeps sharded accelerations of datasets and answers SQL over them.";

/** Rules are about this field: what one names must be in the schema, and what one reads must have a bound. */
const nameSchema = { type: "string", maxLength: 253, description: "The name of the cluster." };

/** The schema of the resource as the API server keeps it. */
function resourceSchema(): JsonObject {
  const { "x-kubernetes-preserve-unknown-fields": _, ...schema } = structuralSchema(
    spicepodClusterSchema,
    doc,
  );
  return {
    ...schema,
    properties: {
      apiVersion: { type: "string", description: `The version of this resource: ${apiVersion}.` },
      kind: { type: "string", description: `The kind of this resource: ${kind}.` },
      metadata: { type: "object", properties: { name: nameSchema } },
      ...(schema["properties"] as JsonObject),
    },
  };
}

/** The CustomResourceDefinition of SpicepodCluster (spec chapter 09). */
export function customResourceDefinition(): JsonObject {
  const ready = '.status.conditions[?(@.type=="Ready")].status';
  const column = (name: string, jsonPath: string, description: string, type = "string") => ({
    name,
    type,
    jsonPath,
    description,
  });
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `spicepodclusters.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind,
        listKind: `${kind}List`,
        plural: "spicepodclusters",
        singular: "spicepodcluster",
        shortNames: ["spc"],
        categories: ["spice"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: [
            column("Ready", ready, "Whether the cluster answers queries over all its data."),
            column("Schedulers", ".status.summary.schedulers", "Ready and wanted schedulers."),
            column("Executors", ".status.summary.executors", "Ready and wanted executors."),
            column("Partitions", ".status.summary.partitions", "Loaded and known partitions."),
            column("Datasets", ".status.summary.datasets", "Loaded and known datasets."),
            column("Age", ".metadata.creationTimestamp", "The age of the cluster.", "date"),
          ],
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.executorSpec.replicas",
              statusReplicasPath: ".status.executors.total",
              labelSelectorPath: ".status.selector",
            },
          },
          schema: { openAPIV3Schema: resourceSchema() },
        },
      ],
    },
  };
}

/** A JSON Schema of the resource for editors and linters. */
export function clusterJsonSchema(): JsonObject {
  const { properties, required, ...schema } = jsonSchemaOf(resourceSchema());
  const { status: _, ...written } = properties as JsonObject;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: kind,
    ...schema,
    required: ["apiVersion", "kind", "metadata", ...(required as readonly string[])],
    properties: {
      ...written,
      apiVersion: { const: apiVersion, description: "The version of this resource." },
      kind: { const: kind, description: "The kind of this resource." },
      metadata: { type: "object", description: "Name, namespace, labels and annotations." },
      status: { type: "object", description: "Written by the operator only." },
    },
  };
}
