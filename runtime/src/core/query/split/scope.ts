import type { TableUse } from "../plan/resolve.ts";
import type { ColumnRef, Expression, TableRef } from "../tree/tree.ts";

/** The columns that a FROM clause offers. */
export interface Scope {
  readonly columns: readonly { readonly relation: string; readonly name: string }[];
  /** True when there are columns whose names are not known here. */
  readonly open: boolean;
}

/** The columns behind FROM, as far as the tree tells; all names in lower case. */
export function scopeOf(from: TableRef, uses: readonly TableUse[]): Scope {
  switch (from.type) {
    case "BASE_TABLE": {
      const use = from.use === undefined ? undefined : uses[from.use];
      if (use === undefined) return { columns: [], open: true };
      const names = use.table.columns.map(({ name }) => name);
      return named(from.alias, rename(names, from.column_name_alias));
    }
    case "SUBQUERY": {
      const names = outputNames(from.subquery.node, uses);
      if (names === undefined) return { columns: [], open: true };
      return named(from.alias, rename(names, from.column_name_alias));
    }
    case "JOIN": {
      const left = scopeOf(from.left, uses);
      const right = scopeOf(from.right, uses);
      return { columns: [...left.columns, ...right.columns], open: left.open || right.open };
    }
    default:
      return { columns: [], open: true };
  }
}

/** The names of a query's result columns; undefined when the tree alone does not tell. */
function outputNames(
  node: { type: string; select_list?: readonly Expression[]; from_table?: TableRef; left?: unknown },
  uses: readonly TableUse[],
): readonly string[] | undefined {
  if (node.type === "SET_OPERATION_NODE") return outputNames(node.left as typeof node, uses);
  if (node.type !== "SELECT_NODE" || node.select_list === undefined || node.from_table === undefined) {
    return undefined;
  }
  const names: string[] = [];
  for (const item of node.select_list) {
    if (item.alias !== "") names.push(item.alias);
    else if (item.class === "COLUMN_REF") names.push(item.column_names.at(-1) ?? "");
    else if (item.class === "STAR" && isPlainStar(item)) {
      const scope = scopeOf(node.from_table, uses);
      if (scope.open) return undefined;
      const relation = item.relation_name.toLowerCase();
      for (const column of scope.columns) {
        if (relation === "" || column.relation === relation) names.push(column.name);
      }
    } else if (item.class === "STAR") return undefined;
    // An expression without a name: nobody can refer to it by an identifier that a column bears.
    else names.push("");
  }
  return names;
}

/** A star without EXCLUDE, REPLACE, RENAME or COLUMNS. */
export function isPlainStar(item: Expression): boolean {
  return (
    item.class === "STAR" &&
    !item.columns &&
    item.expr === null &&
    item.exclude_list.length + item.qualified_exclude_list.length === 0 &&
    item.replace_list.length + item.rename_list.length === 0
  );
}

/** True when an unqualified name is, or could be, a column of the scope. */
export function isColumnName(scope: Scope, name: string): boolean {
  const wanted = name.toLowerCase();
  return scope.columns.some((column) => column.name === wanted || column.relation === wanted);
}

/** `relation.column` as the bare column when no other relation has one of that name. */
export function unqualified(scope: Scope, ref: ColumnRef): readonly string[] {
  const names = ref.column_names.map((name) => name.toLowerCase());
  const [relation, name] = names;
  if (names.length < 2 || scope.open) return names;
  const same = scope.columns.filter((column) => column.name === name);
  const isRelation = scope.columns.some((column) => column.relation === relation);
  const isColumn = scope.columns.some((column) => column.name === relation);
  return isRelation && !isColumn && same.length === 1 && same[0]?.relation === relation
    ? names.slice(1)
    : names;
}

function rename(names: readonly string[], aliases: readonly string[]): readonly string[] {
  return names.map((name, i) => aliases[i] ?? name);
}

function named(relation: string, names: readonly string[]): Scope {
  const lower = relation.toLowerCase();
  return { columns: names.map((name) => ({ relation: lower, name: name.toLowerCase() })), open: false };
}
