import type { JsonSchema } from "./field/field.ts";
import { spicepodSection } from "./fields/spicepod.ts";

/**
 * The JSON Schema of a spicepod, made from the same tables that the parser reads by. It describes the shape;
 * checks between fields are the parser's.
 */
export function spicepodJsonSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Spicepod",
    description: "The datasets and views of an application and how they are accelerated.",
    ...spicepodSection.schema,
  };
}
