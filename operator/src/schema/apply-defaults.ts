import type { Json, SchemaNode } from "./schema.ts";

/**
 * The value with the defaults of its schema, as the API server applies them: a missing field gets its default, and
 * defaults inside that are applied too. Values of the wrong shape are handed back as they are. Pure.
 */
export function applyDefaults(schema: SchemaNode, value: Json): Json {
  switch (schema.kind) {
    case "object": {
      if (!isObject(value)) return value;
      const known = Object.entries(schema.fields).flatMap(([name, field]): [string, Json][] => {
        const given = value[name] ?? field.default;
        return given === undefined ? [] : [[name, applyDefaults(field.schema, given)]];
      });
      const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(schema.fields, name));
      return Object.fromEntries([...known, ...unknown]);
    }
    case "list":
      return Array.isArray(value) ? value.map((item: Json) => applyDefaults(schema.items, item)) : value;
    case "map":
      return isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, applyDefaults(schema.values, item)]),
          )
        : value;
    default:
      return value;
  }
}

/** Whether a value is a JSON object (not null, not a list). */
export function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
