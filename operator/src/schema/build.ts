import type { Field, Fields, Json, JsonObject, Rule, Schema, SchemaNode, Value } from "./schema.ts";

type Of<K extends SchemaNode["kind"]> = Extract<SchemaNode, { kind: K }>;
type Options<K extends SchemaNode["kind"]> = Partial<Omit<Of<K>, "kind">>;

export function string(options: Options<"string"> = {}): Schema<string> {
  return { kind: "string", ...options };
}

export function oneOf<const V extends readonly string[]>(...values: V): Schema<V[number]> {
  return { kind: "string", values };
}

export function integer(options: Options<"integer"> = {}): Schema<number> {
  return { kind: "integer", ...options };
}

export function boolean(): Schema<boolean> {
  return { kind: "boolean" };
}

export function quantity(): Schema<string | number> {
  return { kind: "quantity" };
}

export function intOrString(): Schema<string | number> {
  return { kind: "intOrString" };
}

export function list<T>(
  items: Schema<T>,
  options: Omit<Options<"list">, "items"> = {},
): Schema<readonly T[]> {
  return { kind: "list", items, ...options };
}

export function map<T>(
  values: Schema<T>,
  options: Omit<Options<"map">, "values"> = {},
): Schema<{ readonly [key: string]: T }> {
  return { kind: "map", values, ...options };
}

/** Exactly these fields, and with `open` others that somebody else checks. */
export function object<const F extends Fields>(
  fields: F,
  options: { readonly rules?: readonly Rule[]; readonly open?: boolean } = {},
): Schema<Value<F>> {
  return { kind: "object", fields, ...options };
}

/** Checked by somebody else; `structural` describes it to `kubectl explain` as far as is known. */
export function free<T extends Json = JsonObject>(structural?: JsonObject): Schema<T> {
  return structural === undefined ? { kind: "free" } : { kind: "free", structural };
}

export function required<T>(schema: Schema<T>, doc: string): Field<T, "required"> {
  return { schema, doc, presence: "required" };
}

export function optional<T>(schema: Schema<T>, doc: string): Field<T, "optional"> {
  return { schema, doc, presence: "optional" };
}

/** The default is written as a user would; defaults inside it are applied too. */
export function defaulted<T>(schema: Schema<T>, doc: string, value: Json): Field<T, "defaulted"> {
  return { schema, doc, presence: "defaulted", default: value };
}

/** A rule whose predicate knows its type. */
export function rule<T>(options: {
  readonly cel: string;
  readonly message: string;
  readonly field?: string;
  readonly transition?: true;
  readonly holds: (self: T, old: T) => boolean;
}): Rule {
  return options;
}
