import type { Spicepod } from "../model.ts";
import { childPath } from "../tree/tree.ts";

/** The store name that means "look in all stores, the last one first". */
export const anyStore = "secrets";

/** One `${store:NAME}` in a text. */
export interface SecretReference {
  /** The name of a store, or `secrets` for all of them. */
  readonly store: string;
  readonly name: string;
  /** The reference as written. */
  readonly text: string;
}

const reference = /\$\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*:\s*([A-Za-z0-9_.-]+)\s*\}/g;

/** The references in a text, in order. */
export function findReferences(text: string): readonly SecretReference[] {
  return [...text.matchAll(reference)].map(([whole, store, name]) => ({
    store: store as string,
    name: name as string,
    text: whole,
  }));
}

/** The text with every reference replaced. */
export function replaceReferences(text: string, value: (found: SecretReference) => string): string {
  return text.replace(reference, (whole: string, store: string, name: string) =>
    value({ store, name, text: whole }),
  );
}

/** Where a reference stands in a spicepod. */
export interface FieldReference extends SecretReference {
  /** For example `datasets[0].params.pg_pass`. */
  readonly path: string;
}

/** Every field of a spicepod that may hold secret references, with its path. */
export function* secretFields(
  spicepod: Spicepod,
): Generator<{ readonly path: string; readonly text: string }> {
  const { scheduler, auth } = spicepod.runtime;
  yield* parameters("runtime.scheduler.params", scheduler?.params);
  for (const [i, text] of (auth?.apiKey?.keys ?? []).entries()) {
    yield { path: `runtime.auth.api_key.keys[${i}]`, text };
  }
  yield* parameters("snapshots.params", spicepod.snapshots?.params);
  for (const dataset of spicepod.datasets) yield* parameters(`${dataset.path}.params`, dataset.params);
  for (const { path, acceleration } of [...spicepod.datasets, ...spicepod.views]) {
    yield* parameters(`${path}.acceleration.params`, acceleration?.params);
  }
}

function* parameters(path: string, values: Readonly<Record<string, string>> = {}) {
  for (const [name, text] of Object.entries(values)) yield { path: childPath(path, name), text };
}

/** Every reference that a spicepod uses: what `ExpandSecret` may be asked for (spec chapter 04). */
export function secretReferences(spicepod: Spicepod): readonly FieldReference[] {
  return [...secretFields(spicepod)].flatMap(({ path, text }) =>
    findReferences(text).map((found) => ({ ...found, path })),
  );
}
