import type { Place } from "../problem.ts";

/** Plain data as JSON knows it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A parsed document in which every node knows its path and its place in the text. */
export type Tree = Place & TreeContent;

export type TreeContent =
  | { readonly kind: "null" }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** `text` is the number as written, so that `0123` and `1e5` survive where text is wanted. */
  | { readonly kind: "number"; readonly value: number; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Tree[] }
  | { readonly kind: "map"; readonly entries: readonly TreeEntry[] };

export interface TreeEntry {
  readonly name: string;
  /** Where the name stands; its path is that of the value. */
  readonly place: Place;
  readonly value: Tree;
}

/** The path of a field below another. */
export function childPath(path: string, name: string): string {
  const plain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) ? name : JSON.stringify(name);
  return path === "" ? plain : `${path}.${plain}`;
}

/** A tree of plain data that stands nowhere in a text: line and column are those of `place`. */
export function treeOf(json: Json, place: Place = { path: "", line: 1, column: 1 }): Tree {
  const at = (path: string): Place => ({ ...place, path });
  if (json === null) return { ...place, kind: "null" };
  if (typeof json === "boolean") return { ...place, kind: "boolean", value: json };
  if (typeof json === "number") return { ...place, kind: "number", value: json, text: String(json) };
  if (typeof json === "string") return { ...place, kind: "string", value: json };
  if (isList(json)) {
    const items = json.map((item, i) => treeOf(item, at(`${place.path}[${i}]`)));
    return { ...place, kind: "list", items };
  }
  const entries = Object.entries(json).map(([name, value]) => {
    const here = at(childPath(place.path, name));
    return { name, place: here, value: treeOf(value, here) };
  });
  return { ...place, kind: "map", entries };
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

/** The tree as plain data. */
export function toJson(tree: Tree): Json {
  switch (tree.kind) {
    case "null":
      return null;
    case "boolean":
    case "number":
    case "string":
      return tree.value;
    case "list":
      return tree.items.map(toJson);
    case "map":
      return Object.fromEntries(tree.entries.map(({ name, value }) => [name, toJson(value)]));
  }
}

/** Every node of the tree, parents first. */
export function* walk(tree: Tree): Generator<Tree> {
  yield tree;
  if (tree.kind === "list") for (const item of tree.items) yield* walk(item);
  if (tree.kind === "map") for (const entry of tree.entries) yield* walk(entry.value);
}

/** The word that error texts use for what a node is. */
export function describeKind(tree: Tree): string {
  switch (tree.kind) {
    case "null":
    case "number":
    case "string":
      return tree.kind;
    case "boolean":
      return "bool";
    case "list":
      return "array";
    case "map":
      return "mapping";
  }
}
