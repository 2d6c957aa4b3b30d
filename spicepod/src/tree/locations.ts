import type { Place } from "../problem.ts";
import { type Tree, walk } from "./tree.ts";

/** Where the fields of one file stand, and which are set at all. */
export interface Locations {
  /** True when the file sets the field. */
  isSet(path: string): boolean;
  /** The field's place; of a field that is not set, that of the nearest one above it. */
  place(path: string): Place;
}

export function locationsOf(tree: Tree): Locations {
  const places = new Map<string, Place>();
  const keep = ({ path, line, column }: Place) => places.set(path, { path, line, column });
  for (const node of walk(tree)) {
    if (!places.has(node.path)) keep(node);
    if (node.kind === "map") for (const { place } of node.entries) keep(place);
  }
  return {
    isSet: (path) => places.has(path),
    place(path) {
      let above = path;
      let found = places.get(above);
      while (found === undefined && above !== "") {
        above = above.slice(0, Math.max(above.lastIndexOf("."), above.lastIndexOf("["), 0));
        found = places.get(above);
      }
      return { path, line: found?.line ?? 1, column: found?.column ?? 1 };
    },
  };
}
