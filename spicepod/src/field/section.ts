import { suggest } from "../suggest.ts";
import { childPath, describeKind, type Json, type Tree } from "../tree/tree.ts";
import type { Field, Fields, JsonSchema, Kind, Value } from "./field.ts";
import type { Report } from "./report.ts";

/** A kind that reads a mapping by a field table. */
export interface Section<F extends Fields> extends Kind<Value<F>> {
  readonly fields: F;
}

/**
 * A mapping with exactly these fields. `refused` gives names that users may try, with the reason why they are not
 * here; every other unknown name is an error with the nearest known one.
 */
export function section<const F extends Fields>(
  fields: F,
  refused: Readonly<Record<string, string>> = {},
): Section<F> {
  return {
    fields,
    read(tree, report) {
      if (tree.kind !== "map") {
        const hint = tree.kind === "null" ? " Remove it, or write `{}` for the defaults." : "";
        return report.value(tree, `must be a mapping, found ${describeKind(tree)}.${hint}`);
      }
      const given = new Map(tree.entries.map(({ name, value }) => [name, value]));
      for (const { name, place, value } of tree.entries) {
        if (Object.hasOwn(fields, name)) continue;
        const reason = Object.hasOwn(refused, name) ? refused[name] : undefined;
        const unknown = { ...value, ...place };
        if (reason !== undefined) report.at(place, reason);
        else report.value(unknown, `unknown field \`${name}\`.`, { suggestion: nearestField(name, fields) });
      }
      const values = Object.entries(fields).map(([name, field]): [string, unknown] => [
        camel(name),
        readField(name, field, given.get(name), tree, report),
      ]);
      return Object.fromEntries(values) as Value<F>;
    },
    schema: sectionSchema(fields),
  };
}

function readField(
  name: string,
  field: Field,
  given: Tree | undefined,
  parent: Tree,
  report: Report,
): unknown {
  if (given !== undefined) return field.kind.read(given, report) ?? field.defaultValue ?? field.standIn;
  if (field.presence === "required") {
    report.at({ ...parent, path: childPath(parent.path, name) }, "is missing.");
  }
  return field.defaultValue ?? field.standIn;
}

/** The nearest name among the fields, or a field of exactly that name one level below. */
function nearestField(name: string, fields: Fields): string | undefined {
  for (const [outer, field] of Object.entries(fields)) {
    if (isSection(field.kind) && Object.hasOwn(field.kind.fields, name)) return `${outer}.${name}`;
  }
  return suggest(name, Object.keys(fields));
}

function isSection(kind: Kind<unknown>): kind is Section<Fields> {
  return "fields" in kind;
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function sectionSchema(fields: Fields): JsonSchema {
  const properties = Object.entries(fields).map(([name, { kind, doc, written }]): [string, Json] => [
    name,
    { ...kind.schema, description: doc, ...(written === undefined ? {} : { default: written }) },
  ]);
  const needed = Object.entries(fields).filter(([, field]) => field.presence === "required");
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(needed.length === 0 ? {} : { required: needed.map(([name]) => name) }),
    additionalProperties: false,
  };
}
