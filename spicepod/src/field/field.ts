import type { Json, Tree } from "../tree/tree.ts";
import { treeOf } from "../tree/tree.ts";
import { Report } from "./report.ts";

/** A JSON Schema, as far as this package writes them. */
export type JsonSchema = { readonly [keyword: string]: Json };

/** One kind of value: how it is read (reporting what is wrong) and how JSON Schema describes it. */
export interface Kind<T> {
  /** Gives the value, or undefined after it has reported a problem. */
  read(tree: Tree, report: Report): T | undefined;
  readonly schema: JsonSchema;
}

export type Presence = "required" | "optional" | "defaulted";

/**
 * One row of a field table. The tables drive everything: reading, unknown-field errors, suggestions, the types of
 * the model and the JSON Schema.
 */
export interface Field<T = unknown, P extends Presence = Presence> {
  readonly kind: Kind<T>;
  readonly doc: string;
  readonly presence: P;
  /** The default as a spicepod would write it; `defaultValue` is the same after reading. */
  readonly written?: Json;
  readonly defaultValue?: T;
  /** What stands in for a required value that is missing or wrong, so that the rest can be checked; never handed out. */
  readonly standIn?: T;
}

export type Fields = Readonly<Record<string, Field>>;

/** `refresh_mode` → `refreshMode`. */
export type Camel<S> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

/** What a section with these fields reads as: names in camel case, defaults applied. */
export type Value<F extends Fields> = {
  readonly [K in keyof F as Camel<K>]: F[K] extends Field<infer T, infer P>
    ? P extends "optional"
      ? T | undefined
      : T
    : never;
};

export function required<T>(kind: Kind<T>, doc: string, standIn: T): Field<T, "required"> {
  return { kind, doc, presence: "required", standIn };
}

export function optional<T>(kind: Kind<T>, doc: string): Field<T, "optional"> {
  return { kind, doc, presence: "optional" };
}

/** A field with a default, given as a spicepod would write it and read by the same kind. */
export function defaulted<T>(kind: Kind<T>, doc: string, written: Json): Field<T, "defaulted"> {
  const report = new Report();
  const defaultValue = kind.read(treeOf(written), report);
  if (defaultValue === undefined || report.problems.length > 0) {
    throw new TypeError(`The default of a field is wrong: ${JSON.stringify(report.problems)}`);
  }
  return { kind, doc, presence: "defaulted", written, defaultValue };
}
