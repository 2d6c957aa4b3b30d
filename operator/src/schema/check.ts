import { isObject } from "./apply-defaults.ts";
import { parseQuantity } from "./quantity.ts";
import type { Json, Rule, SchemaNode } from "./schema.ts";

/** One thing that is wrong with a resource. */
export interface FieldProblem {
  /** For example `spec.executorSpec.volumeMounts[0].name`. */
  readonly path: string;
  readonly message: string;
}

/** Finds the nearest known name for an unknown one. */
export type Suggest = (name: string, known: readonly string[]) => string | undefined;

export interface CheckOptions {
  readonly suggest: Suggest;
  /** The resource before the update, with defaults: rules about transitions are judged against it. */
  readonly old?: Json | undefined;
}

/**
 * Everything that is wrong with a value, in the schema's order. The value has its defaults. A rule is judged when the
 * shape of what it stands on is right. Pure.
 */
export function check(
  schema: SchemaNode,
  value: Json,
  path: string,
  options: CheckOptions,
): readonly FieldProblem[] {
  const inside = shape(schema, value, path, options);
  if (inside.length > 0) return inside;
  return (schema.rules ?? [])
    .filter((rule) => !judge(rule, value, options.old))
    .map(({ field, message }) => ({ path: field === undefined ? path : join(path, field), message }));
}

function judge(rule: Rule, self: Json, old: Json | undefined): boolean {
  if (rule.transition && old === undefined) return true;
  return rule.holds(self as never, old as never);
}

function shape(
  schema: SchemaNode,
  value: Json,
  path: string,
  options: CheckOptions,
): readonly FieldProblem[] {
  const wrong = (message: string) => [{ path, message }];
  const down = (child: SchemaNode, item: Json, at: string, old: Json | undefined) =>
    check(child, item, at, { ...options, old });
  switch (schema.kind) {
    case "string": {
      if (typeof value !== "string") return wrong(`must be a text, found ${describe(value)}.`);
      if (schema.values !== undefined && !schema.values.includes(value)) {
        const hint = options.suggest(value, schema.values);
        return wrong(
          `must be one of ${schema.values.join(", ")}, found ${JSON.stringify(value)}.${didYouMean(hint)}`,
        );
      }
      if (value.length < (schema.minLength ?? 0)) return wrong("must not be empty.");
      if (value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY))
        return wrong(`must have at most ${schema.maxLength} characters, found ${value.length}.`);
      if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
        return wrong(`${schema.rule ?? `must match ${schema.pattern}.`} Found ${JSON.stringify(value)}.`);
      return [];
    }
    case "integer": {
      if (typeof value !== "number" || !Number.isInteger(value))
        return wrong(`must be a whole number, found ${describe(value)}.`);
      if (value < (schema.minimum ?? -Infinity))
        return wrong(`must be at least ${schema.minimum}, found ${value}.`);
      if (value > (schema.maximum ?? Infinity))
        return wrong(`must be at most ${schema.maximum}, found ${value}.`);
      return [];
    }
    case "boolean":
      return typeof value === "boolean" ? [] : wrong(`must be true or false, found ${describe(value)}.`);
    case "intOrString":
      return typeof value === "string" || Number.isInteger(value)
        ? []
        : wrong(`must be a whole number or a text, found ${describe(value)}.`);
    case "quantity": {
      const good =
        (typeof value === "string" || typeof value === "number") && parseQuantity(value) !== undefined;
      return good ? [] : wrong(`must be a quantity such as 500m or 200Gi, found ${describe(value)}.`);
    }
    case "list": {
      if (!Array.isArray(value)) return wrong(`must be a list, found ${describe(value)}.`);
      if (value.length > (schema.maxItems ?? Infinity))
        return wrong(`must have at most ${schema.maxItems} entries, found ${value.length}.`);
      const seen = new Set<string>();
      return value.flatMap((item: Json, i) => {
        const key = keyOf(schema.keys, item);
        const twice = key !== undefined && seen.has(key);
        if (key !== undefined) seen.add(key);
        // Entries have no identity between two versions of a list, so rules inside are not transitions.
        const inner = down(schema.items, item, `${path}[${i}]`, undefined);
        return twice ? [...inner, { path: `${path}[${i}]`, message: `repeats an earlier entry.` }] : inner;
      });
    }
    case "map": {
      if (!isObject(value)) return wrong(`must be a mapping, found ${describe(value)}.`);
      const entries = Object.entries(value);
      if (entries.length > (schema.maxProperties ?? Infinity))
        return wrong(`must have at most ${schema.maxProperties} entries, found ${entries.length}.`);
      return entries.flatMap(([key, item]) =>
        down(schema.values, item, `${path}[${JSON.stringify(key)}]`, undefined),
      );
    }
    case "free":
      return isObject(value) ? [] : wrong(`must be a mapping, found ${describe(value)}.`);
    case "object": {
      if (!isObject(value)) return wrong(`must be a mapping, found ${describe(value)}.`);
      const names = Object.keys(schema.fields);
      const unknown = Object.keys(value)
        .filter((name) => !schema.open && !names.includes(name))
        .map((name) => ({
          path: join(path, name),
          message: `unknown field.${didYouMean(options.suggest(name, names))}`,
        }));
      const old = isObject(options.old) ? options.old : undefined;
      const known = Object.entries(schema.fields).flatMap(([name, field]) => {
        const item = value[name];
        if (item !== undefined && item !== null)
          return down(field.schema, item, join(path, name), old?.[name]);
        return field.presence === "required" ? [{ path: join(path, name), message: "is missing." }] : [];
      });
      return [...unknown, ...known];
    }
    default:
      return schema satisfies never;
  }
}

function keyOf(keys: readonly string[] | undefined, item: Json): string | undefined {
  return keys === undefined || !isObject(item)
    ? undefined
    : JSON.stringify(keys.map((key) => item[key] ?? null));
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function didYouMean(name: string | undefined): string {
  return name === undefined ? "" : ` Did you mean ${name}?`;
}

function describe(value: Json): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : JSON.stringify(value);
}
