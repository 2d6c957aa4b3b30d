/** Any object of the tree. */
export type TreeObject = { readonly [key: string]: unknown };

/**
 * Every object of the tree, parents first. `visit` returns false to leave the part below a node out. The tree is
 * plain JSON, so one walk serves queries, table references and expressions alike.
 */
export function walk(node: unknown, visit: (node: TreeObject) => boolean | undefined): void {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, visit);
  } else if (typeof node === "object" && node !== null) {
    if (visit(node as TreeObject) === false) return;
    for (const value of Object.values(node)) {
      if (typeof value === "object" && value !== null) walk(value, visit);
    }
  }
}

/**
 * A copy in which `replace` gave a new node, parents first; what it replaced is not entered. Parts without a change
 * are shared with the original.
 */
export function rewrite<T>(node: T, replace: (node: TreeObject) => unknown): T {
  if (Array.isArray(node)) {
    let changed = false;
    const items = node.map((item: unknown) => {
      const next = rewrite(item, replace);
      if (next !== item) changed = true;
      return next;
    });
    return changed ? (items as T) : node;
  }
  if (typeof node !== "object" || node === null) return node;
  const replaced = replace(node as TreeObject);
  if (replaced !== undefined) return replaced as T;
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(node)) {
    if (typeof value !== "object" || value === null) continue;
    const next = rewrite(value as unknown, replace);
    if (next !== value) {
      copy ??= { ...(node as TreeObject) };
      copy[key] = next;
    }
  }
  return (copy ?? node) as T;
}
