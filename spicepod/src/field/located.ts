import type { Kind } from "./field.ts";

/** A value that knows its path in the file, e.g. `datasets[2]`. */
export type Located<T> = T & { readonly path: string };

/** The same kind, with the value's path in what it reads as. */
export function located<T extends object>(kind: Kind<T>): Kind<Located<T>> {
  return {
    read(tree, report) {
      const value = kind.read(tree, report);
      return value === undefined ? undefined : { ...value, path: tree.path };
    },
    schema: kind.schema,
  };
}
