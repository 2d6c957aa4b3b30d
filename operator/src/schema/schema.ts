/** Plain JSON, as the Kubernetes API carries it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/**
 * A condition between fields, once for the API server (CEL) and once for this program: tests hold both to the same
 * examples. Rules with `transition` are judged on updates only.
 */
export interface Rule {
  readonly cel: string;
  readonly message: string;
  /** The field that the message is about, relative to where the rule stands. */
  readonly field?: string;
  readonly transition?: true;
  /** Gets values that have the right shape, with defaults applied. */
  holds(self: never, old: never): boolean;
}

interface Common {
  readonly rules?: readonly Rule[];
}

/** One value of the resource. The phantom `type` carries the TypeScript type. */
export type Schema<T = unknown> = SchemaNode & { readonly type?: T };

export type SchemaNode =
  | (Common & {
      readonly kind: "string";
      readonly values?: readonly string[];
      readonly pattern?: string;
      /** What the pattern asks for, in words. */
      readonly rule?: string;
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly format?: string;
    })
  | (Common & { readonly kind: "integer"; readonly minimum?: number; readonly maximum?: number })
  | (Common & { readonly kind: "boolean" })
  /** A Kubernetes quantity: a number or a text such as `200Gi`. */
  | (Common & { readonly kind: "quantity" })
  /** A whole number or a text. */
  | (Common & { readonly kind: "intOrString" })
  | (Common & {
      readonly kind: "list";
      readonly items: SchemaNode;
      readonly maxItems?: number;
      readonly keys?: readonly string[];
    })
  | (Common & { readonly kind: "map"; readonly values: SchemaNode; readonly maxProperties?: number })
  | (Common & { readonly kind: "object"; readonly fields: Fields; readonly open?: boolean })
  /** An object whose inside belongs to somebody else's schema, who checks it. */
  | (Common & { readonly kind: "free"; readonly structural?: JsonObject });

export type Presence = "required" | "optional" | "defaulted";

/** A named value with what `kubectl explain` says about it. */
export interface Field<T = unknown, P extends Presence = Presence> {
  readonly schema: Schema<T>;
  readonly doc: string;
  readonly presence: P;
  readonly default?: Json;
}

export type Fields = { readonly [name: string]: Field };

type FieldType<F> = F extends Field<infer T, Presence> ? T : never;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, "optional"> ? K : never;
}[keyof F];

/** The TypeScript type of an object with these fields, defaults applied. */
export type Value<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: FieldType<F[K]>;
} & { readonly [K in OptionalKeys<F>]?: FieldType<F[K]> };

/** The TypeScript type of a schema. */
export type Infer<S> = S extends Schema<infer T> ? T : never;
