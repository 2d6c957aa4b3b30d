import type { Catalog, CatalogTable } from "../catalog.ts";
import { isBaseTable } from "../tree/is-node.ts";
import type { BaseTableRef, CteMap, QueryNode, Statement, SubqueryRef } from "../tree/tree.ts";
import { rewrite, type TreeObject } from "../tree/walk.ts";
import { StatementError } from "./statement-error.ts";

/** One place where the statement reads a table of the catalog. */
export interface TableUse {
  /** Its place among all uses of the statement. */
  readonly index: number;
  readonly table: CatalogTable;
}

export interface ResolvedStatement {
  /** The query with views expanded; references to catalog tables carry their `use`, and an alias always. */
  readonly node: QueryNode;
  readonly uses: readonly TableUse[];
  /** True when the statement reads `information_schema`. */
  readonly metadata: boolean;
}

/** What `information_schema` may be asked for. */
const metadataTables = new Set(["tables", "columns", "schemata", "views"]);

/**
 * Find what every table name of the statement means: a common table expression, a view, a table of the catalog or
 * `information_schema`; names match in any case.
 *
 * @param viewTree gives the parsed text of a view of the catalog.
 * @throws StatementError for a name that means nothing, or views that read each other in a circle.
 */
export function resolveTables(
  node: QueryNode,
  catalog: Catalog,
  viewTree: (name: string) => Statement,
): ResolvedStatement {
  const uses: TableUse[] = [];
  let metadata = false;

  const resolve = <T>(tree: T, ctes: ReadonlySet<string>, views: readonly string[]): T =>
    rewrite(tree, (object) => {
      if (isQueryWithCtes(object)) return resolveQuery(object, ctes, views);
      return isBaseTable(object) ? resolveName(object, ctes, views) : undefined;
    });

  const resolveQuery = (query: QueryNode, ctes: ReadonlySet<string>, views: readonly string[]): QueryNode => {
    const visible = new Set(ctes);
    const map = query.cte_map.map.map((entry) => {
      const name = entry.key.toLowerCase();
      // Only a recursive expression sees itself.
      const own =
        entry.value.query.node.type === "RECURSIVE_CTE_NODE" ? new Set([...visible, name]) : visible;
      const value = resolve(entry.value, own, views);
      visible.add(name);
      return { ...entry, value };
    });
    const body = resolve({ ...query, cte_map: { map: [] } } as QueryNode, visible, views);
    return { ...body, cte_map: { map } satisfies CteMap };
  };

  const resolveName = (ref: BaseTableRef, ctes: ReadonlySet<string>, views: readonly string[]) => {
    const name = ref.table_name.toLowerCase();
    if (ref.schema_name === "" && ref.catalog_name === "" && ctes.has(name)) return ref;
    const path = [ref.catalog_name, ref.schema_name, ref.table_name].filter((part) => part !== "");
    const schema = ref.schema_name.toLowerCase();
    if (schema === "information_schema" && metadataTables.has(name)) {
      metadata = true;
      return ref;
    }
    const table = findTable(catalog, path);
    if (table !== undefined) {
      const use = uses.length;
      uses.push({ index: use, table });
      return { ...ref, alias: ref.alias === "" ? ref.table_name : ref.alias, use } satisfies BaseTableRef;
    }
    const view = findView(catalog, path);
    if (view === undefined) throw unknownTable(catalog, path.join("."), ref.query_location);
    if (views.includes(view)) {
      throw new StatementError(`Views read each other in a circle: ${[...views, view].join(" → ")}`);
    }
    return {
      type: "SUBQUERY",
      alias: ref.alias === "" ? ref.table_name : ref.alias,
      sample: ref.sample,
      subquery: { node: resolve(viewTree(view).node, new Set(), [...views, view]) },
      column_name_alias: ref.column_name_alias,
    } satisfies SubqueryRef;
  };

  const resolved = resolve(node, new Set(), []);
  return { node: shortenColumns(resolved, uses), uses, metadata };
}

/** `schema.table.column` and longer as `table.column`: under its alias a table has no schema any more. */
function shortenColumns(node: QueryNode, uses: readonly TableUse[]): QueryNode {
  const paths = uses.map(({ table }) => table.fullName.toLowerCase().split("."));
  return rewrite(node, (object) => {
    if (object["class"] !== "COLUMN_REF") return undefined;
    const names = object["column_names"] as readonly string[];
    if (names.length < 3) return object;
    const lower = names.map((name) => name.toLowerCase());
    for (const path of paths) {
      for (const known of [path, path.slice(-2)]) {
        if (lower.length > known.length && known.every((part, i) => part === lower[i])) {
          return { ...object, column_names: names.slice(known.length - 1) };
        }
      }
    }
    return object;
  });
}

/** The views of the catalog that a tree may read, by their keys; expressions of the same name are found too. */
export function viewsNamedIn(tree: unknown, catalog: Catalog): Set<string> {
  const names = new Set<string>();
  rewrite(tree, (ref) => {
    if (!isBaseTable(ref)) return undefined;
    const path = [ref.catalog_name, ref.schema_name, ref.table_name].filter((part) => part !== "");
    const view = findView(catalog, path);
    if (view !== undefined) names.add(view);
    return undefined;
  });
  return names;
}

function isQueryWithCtes(object: TreeObject): object is TreeObject & QueryNode {
  const ctes = object["cte_map"] as CteMap | undefined;
  return ctes !== undefined && ctes.map.length > 0;
}

function findTable(catalog: Catalog, path: readonly string[]): CatalogTable | undefined {
  const name = path.join(".").toLowerCase();
  const direct = catalog.tables.get(name);
  if (direct !== undefined) return direct;
  for (const table of catalog.tables.values()) {
    const full = table.fullName.toLowerCase();
    if (full === name || full.endsWith(`.${name}`)) return table;
  }
  return undefined;
}

function findView(catalog: Catalog, path: readonly string[]): string | undefined {
  const name = path.join(".").toLowerCase();
  for (const candidate of [name, name.replace(/^spice\./, ""), name.replace(/^(?:spice\.)?public\./, "")]) {
    if (catalog.views.has(candidate)) return candidate;
  }
  return undefined;
}

function unknownTable(catalog: Catalog, name: string, position: number | undefined): StatementError {
  const known = [...catalog.tables.values()].map((table) => table.name).concat([...catalog.views.keys()]);
  const near = known.find((other) => distance(other.toLowerCase(), name.toLowerCase()) <= 2);
  const hint = near === undefined ? "" : `. Did you mean ${near}?`;
  return new StatementError(`Table with name ${name} does not exist${hint}`, position);
}

/** Edit distance, for names of a few dozen characters. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
