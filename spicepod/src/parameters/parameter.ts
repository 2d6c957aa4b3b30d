/** What values a parameter takes. Parameters are text in the spicepod; this says how the text is read. */
export type ParameterType =
  | "string"
  | "integer"
  | "boolean"
  | "duration"
  | "size"
  | { readonly oneOf: readonly string[] };

/**
 * One parameter of an engine, a connector or a store (spec chapter 05, The accelerator interface). The checks at
 * start and the parameter tables of the documentation are made from these.
 */
export interface ParameterSpec {
  /** The full name as users write it, prefix included, e.g. `duckdb_file`. */
  readonly name: string;
  readonly description: string;
  readonly type: ParameterType;
  /** The default as users would write it; absent when there is none. */
  readonly default?: string;
  /** True when the value must never be shown. */
  readonly secret?: boolean;
  /** For file names: the extensions that are accepted, without the dot. */
  readonly extensions?: readonly string[];
}
