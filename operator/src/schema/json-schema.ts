import { quantityPattern } from "./quantity.ts";
import type { Json, JsonObject } from "./schema.ts";

/**
 * A JSON Schema for editors, from a structural schema: what only the API server understands is put in standard words
 * or left out, and unknown fields are marked where the resource knows its fields.
 */
export function jsonSchemaOf(structural: JsonObject): JsonObject {
  const {
    "x-kubernetes-preserve-unknown-fields": open,
    "x-kubernetes-int-or-string": either,
    properties,
    items,
    additionalProperties,
    nullable,
    type,
    ...rest
  } = structural;
  const kept = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !name.startsWith("x-kubernetes-") && name !== "format"),
  );
  if (either === true) {
    const { anyOf: _, pattern, ...more } = kept;
    const text: JsonObject = pattern === quantityPattern ? { pattern } : {};
    return { ...more, anyOf: [{ type: "integer" }, { type: "string", ...text }] };
  }
  return {
    ...(type === undefined ? {} : { type: nullable === true ? [type, "null"] : type }),
    ...kept,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties as JsonObject).map(([name, child]) => [name, inner(child)]),
          ),
        }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: inner(additionalProperties) }),
    ...(properties !== undefined && open !== true ? { additionalProperties: false } : {}),
  };
}

function inner(schema: Json): Json {
  return typeof schema === "object" && schema !== null && !Array.isArray(schema)
    ? jsonSchemaOf(schema as JsonObject)
    : schema;
}
