import { expect, test } from "@jest/globals";
import type { JsonObject } from "../schema/schema.ts";
import { clusterJsonSchema, customResourceDefinition } from "./crd.ts";

interface Version {
  readonly schema: { readonly openAPIV3Schema: JsonObject };
  readonly subresources: JsonObject;
}

function version(): Version {
  const { versions } = customResourceDefinition()["spec"] as never as { versions: readonly Version[] };
  expect(versions).toHaveLength(1);
  return versions[0]!;
}

/** Visit every property below a schema, with its path. */
function visit(schema: JsonObject, path: string, see: (path: string, schema: JsonObject) => void): void {
  for (const [name, child] of Object.entries((schema["properties"] ?? {}) as JsonObject)) {
    see(`${path}.${name}`, child as JsonObject);
    visit(child as JsonObject, `${path}.${name}`, see);
  }
  for (const word of ["items", "additionalProperties"]) {
    const child = schema[word];
    if (typeof child === "object" && child !== null) {
      see(`${path}[]`, { description: "of its list", ...child } as JsonObject);
      visit(child as JsonObject, `${path}[]`, see);
    }
  }
}

test("every field is explained and structural", () => {
  const bare: string[] = [];
  const untyped: string[] = [];
  let fields = 0;
  visit(version().schema.openAPIV3Schema, "", (path, schema) => {
    fields += 1;
    const { description } = schema;
    if (path !== ".metadata" && (typeof description !== "string" || description.length < 6)) bare.push(path);
    const open =
      schema["x-kubernetes-preserve-unknown-fields"] === true ||
      schema["x-kubernetes-int-or-string"] === true;
    if (schema["type"] === undefined && !open) untyped.push(path);
    for (const word of ["$ref", "oneOf", "patternProperties"]) expect(schema).not.toHaveProperty(word);
    if (schema["additionalProperties"] !== undefined) expect(schema).not.toHaveProperty("properties");
  });
  expect(bare).toEqual([]);
  expect(untyped).toEqual([]);
  expect(fields).toBeGreaterThan(300);
});

test("rules are short enough to read and unique where they stand", () => {
  const rules: string[] = [];
  visit(version().schema.openAPIV3Schema, "", (path, schema) => {
    const here = (schema["x-kubernetes-validations"] ?? []) as readonly { rule: string; message: string }[];
    expect(new Set(here.map(({ rule }) => rule)).size).toBe(here.length);
    for (const { rule, message } of here) {
      expect(message).not.toMatch(/\n/);
      expect((rule.match(/\(/g) ?? []).length).toBe((rule.match(/\)/g) ?? []).length);
      rules.push(`${path}: ${rule}`);
    }
  });
  expect(rules.length).toBeGreaterThan(20);
});

test("status and scale are subresources, spc and spice are its short names", () => {
  expect(version().subresources).toEqual({
    status: {},
    scale: {
      specReplicasPath: ".spec.executorSpec.replicas",
      statusReplicasPath: ".status.executors.total",
      labelSelectorPath: ".status.selector",
    },
  });
  expect(customResourceDefinition()).toMatchObject({
    spec: { names: { shortNames: ["spc"], categories: ["spice"] } },
  });
});

test("the embedded spicepod is described by the runtime's schema and never pruned", () => {
  const at = (schema: JsonObject, name: string) => (schema["properties"] as JsonObject)[name] as JsonObject;
  const pod = ["spec", "schedulerSpec", "spicepod"].reduce(at, version().schema.openAPIV3Schema);
  expect(pod).toMatchObject({ type: "object", "x-kubernetes-preserve-unknown-fields": true });
  const dataset = at(pod, "datasets")["items"] as JsonObject;
  expect(dataset).toMatchObject({ required: ["from", "name"], "x-kubernetes-preserve-unknown-fields": true });
  expect(at(at(dataset, "acceleration"), "engine")["description"]).toMatch(/\w/);
  const defaults: string[] = [];
  visit(pod, "", (path, schema) => {
    if ("default" in schema) defaults.push(path);
  });
  expect(defaults).toEqual([]);
});

test("the JSON Schema refuses unknown fields where the resource knows them", () => {
  const schema = clusterJsonSchema();
  const at = (from: JsonObject, name: string) => (from["properties"] as JsonObject)[name] as JsonObject;
  const scheduler = at(at(schema, "spec"), "schedulerSpec");
  expect(scheduler["additionalProperties"]).toBe(false);
  expect(at(scheduler, "spicepod")["additionalProperties"]).toBeUndefined();
  expect(schema["required"]).toEqual(["apiVersion", "kind", "metadata", "spec"]);
  expect(JSON.stringify(schema)).not.toContain("x-kubernetes");
});
