import { propertiesOf } from "../split/properties.ts";
import { isBaseTable } from "../tree/is-node.ts";
import type { CteEntry, QueryNode, SubqueryRef } from "../tree/tree.ts";
import { rewrite, walk } from "../tree/walk.ts";

/**
 * Put common table expressions that are read once in the place where they are read, so that their rows can be
 * planned together with the query that reads them. Recursive and volatile ones stay.
 */
export function inlineCtes(root: QueryNode): QueryNode {
  const entries = new Map<string, CteEntry>();
  let duplicate = false;
  walk(root, (object) => {
    const map = (object["cte_map"] as { map?: readonly CteEntry[] } | undefined)?.map ?? [];
    for (const entry of map) {
      const name = entry.key.toLowerCase();
      duplicate ||= entries.has(name);
      entries.set(name, entry);
    }
    return true;
  });
  // With the same name in several places, what a reference means depends on where it stands.
  if (duplicate || entries.size === 0) return root;
  const references = countReferences(root);
  const inlined = new Map<string, CteEntry>();
  for (const [name, entry] of entries) {
    const recursive = entry.value.query.node.type === "RECURSIVE_CTE_NODE";
    // One that nobody reads is left out: the engine does not run it either.
    const read = references.get(name) ?? 0;
    if (read > 1 || (read === 1 && (recursive || propertiesOf(entry.value.query).volatile))) continue;
    inlined.set(name, entry);
  }
  return inlined.size === 0 ? root : replace(root, inlined);
}

function countReferences(root: QueryNode): Map<string, number> {
  const counts = new Map<string, number>();
  walk(root, (object) => {
    const name = cteReference(object);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    return true;
  });
  return counts;
}

function cteReference(ref: object): string | undefined {
  if (!isBaseTable(ref) || ref.use !== undefined) return undefined;
  return ref.schema_name === "" && ref.catalog_name === "" ? ref.table_name.toLowerCase() : undefined;
}

function replace<T>(tree: T, inlined: ReadonlyMap<string, CteEntry>): T {
  return rewrite(tree, (object) => {
    const name = cteReference(object);
    const entry = name === undefined ? undefined : inlined.get(name);
    if (entry !== undefined && isBaseTable(object)) {
      return {
        type: "SUBQUERY",
        alias: object.alias === "" ? object.table_name : object.alias,
        sample: object.sample,
        subquery: { node: replace(entry.value.query.node, inlined) },
        column_name_alias:
          object.column_name_alias.length > 0 ? object.column_name_alias : entry.value.aliases,
      } satisfies SubqueryRef;
    }
    const map = (object["cte_map"] as { map?: readonly CteEntry[] } | undefined)?.map ?? [];
    if (!map.some(({ key }) => inlined.has(key.toLowerCase()))) return undefined;
    const kept = map.filter(({ key }) => !inlined.has(key.toLowerCase()));
    return replace({ ...object, cte_map: { map: kept } }, inlined);
  });
}
