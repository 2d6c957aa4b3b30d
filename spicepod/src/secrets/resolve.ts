import { inspect } from "node:util";
import type { Parameters } from "../field/collection.ts";
import { childPath } from "../tree/tree.ts";
import { hidden } from "./redact.ts";
import { anyStore, findReferences, replaceReferences } from "./reference.ts";
import type { SecretStores } from "./stores.ts";

/** A secret that a field refers to cannot be had. The message names the field, never a value. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  /** The field, e.g. `datasets[0].params.pg_pass`. */
  readonly path: string;

  constructor(path: string, message: string, cause?: unknown) {
    super(`${path}: ${message}`, { cause });
    this.path = path;
  }
}

/**
 * Parameters with their secrets resolved. Printing it by JSON, `inspect`, a template or a logger shows names only;
 * values are read one by one.
 */
export class ResolvedParameters {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: Iterable<readonly [string, string]>) {
    this.#values = new Map(values);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** All values as plain data, for the one call that opens the source or store. Do not keep or print it. */
  reveal(): Record<string, string> {
    return Object.fromEntries(this.#values);
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this.names().map((name) => [name, hidden]));
  }

  toString(): string {
    return hidden;
  }

  [inspect.custom](): Record<string, string> {
    return this.toJSON();
  }
}

/** What resolving needs. `onResolved` hears every secret value, so that a `Redactor` can keep it out of logs. */
export interface ResolveOptions {
  readonly stores: SecretStores;
  readonly onResolved?: (value: string) => void;
  readonly signal?: AbortSignal;
}

/** Resolves the references in the text of the field at `path`. Throws `SecretError`. */
export async function resolveText(text: string, path: string, options: ResolveOptions): Promise<string> {
  const values = new Map<string, string>();
  for (const { store, name, text: written } of findReferences(text)) {
    let value: string | undefined;
    try {
      value = await options.stores.get(store, name, options.signal);
    } catch (cause) {
      throw new SecretError(path, `the secret \`${name}\` could not be read.`, cause);
    }
    if (value === undefined) {
      const where = store === anyStore ? "any secret store" : `the secret store \`${store}\``;
      throw new SecretError(path, `the secret \`${name}\` was not found in ${where}.`);
    }
    options.onResolved?.(value);
    values.set(written, value);
  }
  return replaceReferences(text, ({ text: written }) => values.get(written) as string);
}

/** Resolves all references in the parameters of the field at `path`. Throws `SecretError` for the first that fails. */
export async function resolveParameters(
  parameters: Parameters,
  path: string,
  options: ResolveOptions,
): Promise<ResolvedParameters> {
  const values: [string, string][] = [];
  for (const [name, text] of Object.entries(parameters)) {
    values.push([name, await resolveText(text, childPath(path, name), options)]);
  }
  return new ResolvedParameters(values);
}
