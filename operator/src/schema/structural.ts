import { applyDefaults } from "./apply-defaults.ts";
import { quantityMaxLength, quantityPattern } from "./quantity.ts";
import type { Field, Json, JsonObject, SchemaNode } from "./schema.ts";

/**
 * The structural OpenAPI v3 schema that a CustomResourceDefinition carries: types, descriptions, defaults, CEL rules
 * and list keys, all from the one definition. Pure and in a fixed order.
 */
export function structuralSchema(schema: SchemaNode, doc?: string): JsonObject {
  const rules = (schema.rules ?? []).map(({ cel, message, field, transition }) => ({
    rule: cel,
    message,
    ...(field === undefined ? {} : { fieldPath: `.${field}` }),
    ...(transition ? { reason: "FieldValueForbidden" } : {}),
  }));
  return {
    ...(doc === undefined ? {} : { description: doc }),
    ...shapeOf(schema),
    ...(rules.length === 0 ? {} : { "x-kubernetes-validations": rules }),
  };
}

function shapeOf(schema: SchemaNode): JsonObject {
  switch (schema.kind) {
    case "string":
      return {
        type: "string",
        ...given("enum", schema.values),
        ...given("pattern", schema.pattern),
        ...given("minLength", schema.minLength),
        ...given("maxLength", schema.maxLength),
        ...given("format", schema.format),
      };
    case "integer":
      return {
        type: "integer",
        format: "int64",
        ...given("minimum", schema.minimum),
        ...given("maximum", schema.maximum),
      };
    case "boolean":
      return { type: "boolean" };
    case "intOrString":
      return { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true };
    case "quantity":
      return {
        anyOf: [{ type: "integer" }, { type: "string" }],
        pattern: quantityPattern,
        maxLength: quantityMaxLength,
        "x-kubernetes-int-or-string": true,
      };
    case "list":
      return {
        type: "array",
        ...given("maxItems", schema.maxItems),
        items: structuralSchema(schema.items),
        "x-kubernetes-list-type": schema.keys === undefined ? "atomic" : "map",
        ...given("x-kubernetes-list-map-keys", schema.keys),
      };
    case "map":
      return {
        type: "object",
        ...given("maxProperties", schema.maxProperties),
        additionalProperties: structuralSchema(schema.values),
      };
    case "free":
      return { type: "object", "x-kubernetes-preserve-unknown-fields": true, ...schema.structural };
    case "object": {
      const required = Object.entries(schema.fields)
        .filter(([, field]) => field.presence === "required")
        .map(([name]) => name);
      return {
        type: "object",
        ...(required.length === 0 ? {} : { required }),
        properties: Object.fromEntries(
          Object.entries(schema.fields).map(([name, field]) => [
            name,
            { ...structuralSchema(field.schema, field.doc), ...given("default", wholeDefault(field)) },
          ]),
        ),
        ...(schema.open ? { "x-kubernetes-preserve-unknown-fields": true } : {}),
      };
    }
    default:
      return schema satisfies never;
  }
}

/** A default with those inside it: the API server holds it to the rules of its object before it fills any in. */
function wholeDefault({ schema, default: value }: Field): Json | undefined {
  return value === undefined ? undefined : applyDefaults(schema, value);
}

function given(name: string, value: JsonObject[string] | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}
