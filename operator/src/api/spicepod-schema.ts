import { type JsonSchema, spicepodJsonSchema } from "@spice-shards/spicepod";
import { isObject } from "../schema/apply-defaults.ts";
import { free } from "../schema/build.ts";
import type { Json, JsonObject, Schema } from "../schema/schema.ts";

/** A spicepod as its author wrote it. */
export type WrittenSpicepod = JsonObject;

/**
 * The spicepod inside the resource. `kubectl explain` knows its fields; they are described by the runtime's own
 * schema. Nothing is pruned and no default is filled in, so that the runtime's parser sees what the author wrote and
 * judges it: unknown fields get its message, with the nearest known name.
 */
export function embeddedSpicepod(): Schema<WrittenSpicepod> {
  const { description: _, ...structural } = structuralOf(spicepodJsonSchema());
  return free<WrittenSpicepod>(structural);
}

/** What of a JSON Schema a structural schema can say: shapes, descriptions, and the limits of single values. */
function structuralOf(schema: JsonSchema): JsonObject {
  const types = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]];
  const [type, ...others] = types.filter((each) => each !== "null");
  const description: JsonObject =
    schema["description"] === undefined ? {} : { description: schema["description"] };
  if (type === undefined || others.length > 0) {
    return { ...description, "x-kubernetes-preserve-unknown-fields": true };
  }
  const common = { ...description, type, ...(types.includes("null") ? { nullable: true } : {}) };
  switch (type) {
    case "object":
      return {
        ...common,
        ...only(schema, ["required"]),
        ...propertiesOf(schema["properties"]),
        "x-kubernetes-preserve-unknown-fields": true,
      };
    case "array": {
      const items = isObject(schema["items"]) ? structuralOf(schema["items"]) : {};
      return { ...common, items, "x-kubernetes-list-type": "atomic" };
    }
    default:
      return { ...common, ...only(schema, ["enum", "pattern", "minimum", "minLength"]) };
  }
}

function only(schema: JsonSchema, keywords: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => keywords.includes(keyword)));
}

function propertiesOf(properties: Json | undefined): JsonObject {
  if (!isObject(properties)) return {};
  // Names without a description are those that the parser refuses with a reason of its own.
  const entries = Object.entries(properties).flatMap(([name, child]): [string, Json][] =>
    isObject(child) && child["description"] !== undefined ? [[name, structuralOf(child)]] : [],
  );
  return entries.length === 0 ? {} : { properties: Object.fromEntries(entries) };
}
