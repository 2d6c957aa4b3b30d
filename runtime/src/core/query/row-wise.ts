/** JSON of the engine's parser (`json_serialize_sql`). */
type Tree = null | boolean | number | string | readonly Tree[] | { readonly [key: string]: Tree };

/** Expressions whose value depends on one row alone, as long as their children do. */
const plain = new Set(
  "COLUMN_REF CONSTANT OPERATOR CAST COMPARISON CONJUNCTION CASE BETWEEN STAR LAMBDA LAMBDA_REF COLLATE".split(
    " ",
  ),
);

/**
 * Whether a statement maps each row of `relation` to at most one row by itself: projection and filter, nothing else.
 * Such a statement gives the same rows when the relation is read in slices. Whatever is not known to be so is not.
 *
 * @param scalar names, in lower case, that can only be scalar functions.
 */
export function isRowWise(tree: Tree, relation: string, scalar: ReadonlySet<string>): boolean {
  const [statement, ...more] = list(field(tree, "statements"));
  const node = field(statement, "node");
  if (more.length > 0 || field(node, "type") !== "SELECT_NODE") return false;
  const from = field(node, "from_table");
  const absent = (value: Tree | undefined) =>
    value === undefined || value === null || list(value).length === 0;
  return (
    field(from, "type") === "BASE_TABLE" &&
    String(field(from, "table_name")).toLowerCase() === relation.toLowerCase() &&
    field(from, "schema_name") === "" &&
    nothing(field(from, "sample")) &&
    absent(field(node, "modifiers")) &&
    absent(field(field(node, "cte_map"), "map")) &&
    absent(field(node, "group_expressions")) &&
    absent(field(node, "group_sets")) &&
    field(node, "aggregate_handling") === "STANDARD_HANDLING" &&
    ["having", "sample", "qualify"].every((key) => nothing(field(node, key))) &&
    rowWise(field(node, "select_list"), scalar) &&
    rowWise(field(node, "where_clause"), scalar)
  );
}

function rowWise(tree: Tree | undefined, scalar: ReadonlySet<string>): boolean {
  if (tree === undefined || tree === null || typeof tree !== "object") return true;
  if (isList(tree)) return tree.every((item) => rowWise(item, scalar));
  const { class: kind } = tree;
  if (kind === "FUNCTION") {
    const known = scalar.has(String(tree["function_name"]).toLowerCase());
    if (!known || tree["distinct"] === true || !nothing(tree["filter"])) return false;
  } else if (kind !== undefined && (typeof kind !== "string" || !plain.has(kind))) return false;
  return Object.values(tree).every((child) => rowWise(child, scalar));
}

function nothing(value: Tree | undefined): boolean {
  return value === undefined || value === null;
}

function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

function list(tree: Tree | undefined): readonly Tree[] {
  return tree !== undefined && isList(tree) ? tree : [];
}

function field(tree: Tree | undefined, key: string): Tree | undefined {
  return typeof tree === "object" && tree !== null && !isList(tree) ? tree[key] : undefined;
}
